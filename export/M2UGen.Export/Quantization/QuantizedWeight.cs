using System.Buffers;
using System.Runtime.InteropServices;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Quantization;

/// <summary>A matrix as MatMulNBits wants it: the initializers of its codes, scales and zero points, computed while the graph is saved.</summary>
/// <remarks>
/// The matrix comes in pieces and leaves in pieces; beside a piece only scales and zero points are held, from the writing of the codes until they are written
/// themselves. Asked for in another order, the matrix is quantised again.
/// </remarks>
internal sealed class QuantizedWeight
{
    private readonly Weight _weight;
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _blocks;
    private float[]? _scales;
    private byte[]? _zeroPoints;

    /// <summary>Describes the matrix.</summary>
    /// <param name="weight">[out, in], as torch stores it: the blocks lie along a row.</param>
    /// <param name="format">The format.</param>
    public QuantizedWeight(Weight weight, BlockFormat format)
    {
        _weight = weight;
        Format = format;
        _rows = checked((int)weight.Shape[0]);
        _columns = checked((int)weight.Shape[1]);
        _blocks = format.BlocksOf(_columns);
        Codes = new Part(DataType.UInt8, [_rows, _blocks, format.BlockBytes], WriteCodes);
        FlatCodes = new Part(DataType.UInt8, [_rows, (long)_blocks * format.BlockBytes], WriteCodes);
        Scales = new Part(DataType.Float, [_rows, _blocks], WriteScales);
        ZeroPoints = format.IsSymmetric ? null : new Part(DataType.UInt8, [_rows, format.ZeroPointBytes(_blocks)], WriteZeroPoints);
    }

    /// <summary>The format.</summary>
    public BlockFormat Format { get; }

    /// <summary>Columns of the matrix.</summary>
    public int Columns => _columns;

    /// <summary>Columns up to the end of the last block.</summary>
    public int FilledColumns => _blocks * Format.BlockSize;

    /// <summary>[out, blocks, block bytes] uint8.</summary>
    public InitializerData Codes { get; }

    /// <summary>The same bytes under the shape that tables have: [rows, bytes].</summary>
    public InitializerData FlatCodes { get; }

    /// <summary>[out, blocks] float.</summary>
    public InitializerData Scales { get; }

    /// <summary>[out, bytes of a row's zero points] uint8; null for symmetric formats.</summary>
    public InitializerData? ZeroPoints { get; }

    private long WriteCodes(Stream stream)
    {
        float[] scales = new float[checked((long)_rows * _blocks)];
        byte[] zeroPoints = new byte[Format.IsSymmetric ? 0 : checked((long)_rows * Format.ZeroPointBytes(_blocks))];
        using (Quantizing rows = new(this, stream, scales, zeroPoints))
        {
            _weight.WriteTo(rows);
            rows.Finish();
        }

        _scales = scales;
        _zeroPoints = zeroPoints;
        return (long)_rows * _blocks * Format.BlockBytes;
    }

    private long WriteScales(Stream stream)
    {
        if (_scales is null)
        {
            WriteCodes(Stream.Null);
        }

        stream.Write(MemoryMarshal.AsBytes(_scales.AsSpan()));
        _scales = null;
        return (long)_rows * _blocks * sizeof(float);
    }

    private long WriteZeroPoints(Stream stream)
    {
        if (_zeroPoints is null)
        {
            WriteCodes(Stream.Null);
        }

        byte[] written = _zeroPoints!;
        stream.Write(written);
        _zeroPoints = null;
        return written.LongLength;
    }

    private sealed class Part(DataType type, IReadOnlyList<long> shape, Func<Stream, long> write) : InitializerData(type, shape)
    {
        public override long WriteTo(Stream stream) => write(stream);
    }

    /// <summary>Takes rows in pieces of any size, and passes their codes on. While a piece is quantised, the next one is read.</summary>
    private sealed class Quantizing : FloatSink
    {
        // Some megabytes of rows at a time: enough work for all processors, small beside any matrix.
        private const int PieceElements = 1 << 20;

        private readonly QuantizedWeight _owner;
        private readonly Stream _target;
        private readonly float[] _scales;
        private readonly byte[] _zeroPoints;
        private readonly int _stride;
        private readonly int _codeBytes;
        private readonly int _pieceRows;
        private readonly byte[] _codes;
        private float[] _piece;
        private float[] _other;
        private Task _quantizing = Task.CompletedTask;
        private int _rowsQuantized;
        private int _rowsDone;
        private int _rowsHeld;
        private int _inRow;

        public Quantizing(QuantizedWeight owner, Stream target, float[] scales, byte[] zeroPoints)
        {
            _owner = owner;
            _target = target;
            _scales = scales;
            _zeroPoints = zeroPoints;
            _stride = checked(owner._blocks * owner.Format.BlockSize);
            _codeBytes = owner._blocks * owner.Format.BlockBytes;
            _pieceRows = Math.Clamp(PieceElements / Math.Max(_stride, 1), 1, Math.Max(owner._rows, 1));
            _codes = ArrayPool<byte>.Shared.Rent(_pieceRows * _codeBytes);
            _piece = Rent();
            _other = Rent();

            float[] Rent()
            {
                // Only the columns of the matrix are written below; what fills the last block stays zero.
                float[] piece = ArrayPool<float>.Shared.Rent(_pieceRows * _stride);
                piece.AsSpan().Clear();
                return piece;
            }
        }

        protected override void Take(ReadOnlySpan<float> elements)
        {
            while (!elements.IsEmpty)
            {
                Span<float> row = _piece.AsSpan(_rowsHeld * _stride, _owner._columns);
                int taken = Math.Min(elements.Length, row.Length - _inRow);
                elements[..taken].CopyTo(row[_inRow..]);
                elements = elements[taken..];
                _inRow += taken;
                if (_inRow == row.Length)
                {
                    _inRow = 0;
                    if (++_rowsHeld == _pieceRows)
                    {
                        Flush();
                    }
                }
            }
        }

        /// <inheritdoc/>
        public override void Flush()
        {
            if (_rowsHeld == 0)
            {
                return;
            }

            WriteQuantized();
            (_piece, _other) = (_other, _piece);
            (float[] piece, int first, int count) = (_other, _rowsDone, _rowsHeld);
            _quantizing = Task.Run(() => Quantize(piece, first, count));
            _rowsQuantized = count;
            _rowsDone += count;
            _rowsHeld = 0;
        }

        /// <summary>Passes on the rest, and checks that it was the whole matrix.</summary>
        public void Finish()
        {
            Flush();
            WriteQuantized();
            if (_rowsDone != _owner._rows || _inRow != 0)
            {
                throw new InvalidOperationException($"Weight '{_owner._weight.Name}' gave {_rowsDone} rows of {_owner._columns}; its shape says {_owner._rows}.");
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                // After an error there may still be somebody at work on what is given back here.
                Task.WaitAny(_quantizing);
                ArrayPool<float>.Shared.Return(_piece);
                ArrayPool<float>.Shared.Return(_other);
                ArrayPool<byte>.Shared.Return(_codes);
            }

            base.Dispose(disposing);
        }

        private void WriteQuantized()
        {
            _quantizing.GetAwaiter().GetResult();
            _target.Write(_codes.AsSpan(0, _rowsQuantized * _codeBytes));
            _rowsQuantized = 0;
        }

        private void Quantize(float[] piece, int first, int count)
        {
            BlockFormat format = _owner.Format;
            int blocks = _owner._blocks;
            int zeroBytes = format.IsSymmetric ? 0 : format.ZeroPointBytes(blocks);
            int badRow = -1;
            Parallel.For(0, count, row =>
            {
                bool isFinite = BlockQuantizer.QuantizeRow(
                    format,
                    piece.AsSpan(row * _stride, _stride),
                    _owner._columns,
                    _codes.AsSpan(row * _codeBytes, _codeBytes),
                    _scales.AsSpan((first + row) * blocks, blocks),
                    _zeroPoints.AsSpan((first + row) * zeroBytes, zeroBytes));
                if (!isFinite)
                {
                    Interlocked.Exchange(ref badRow, first + row);
                }
            });
            if (badRow >= 0)
            {
                throw new ExportException(_owner._weight.Name, $"'{_owner._weight.Name}' holds numbers that are not finite (in row {badRow}), which have no place among {format.Bits}-bit codes. Keep this matrix in float32, or give another checkpoint.");
            }
        }
    }
}
