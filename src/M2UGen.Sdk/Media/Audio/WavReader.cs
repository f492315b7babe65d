using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>What a WAV file holds.</summary>
/// <param name="Format">Rate, channels and the encoding they were stored in.</param>
/// <param name="Samples">Interleaved, [frames × channels].</param>
/// <param name="Comment">The INFO/ICMT text, or null.</param>
internal sealed record WavContent(WavFormat Format, float[] Samples, string? Comment);

/// <summary>Reads RIFF, RF64 and BW64 WAV files from a stream.</summary>
/// <remarks>
/// Policy where a file is not as it should be:
/// chunks are padded to even sizes, unknown ones are passed over, a second 'fmt ' or 'data' is ignored;
/// a data size of 0xFFFFFFFF, or of 0 in a file whose RIFF size ends before the data (a writer that never came back to its header), means "until the end";
/// data that ends early gives the whole frames that are there. All else is refused.
/// Nothing is allocated by a number in the file before that many bytes have been seen or the stream's own length allows them.
/// </remarks>
internal sealed class WavReader
{
    private const uint UnknownSize = uint.MaxValue;
    private const int MaxFormatSize = 4096;
    private const int MaxChunks = 65536;
    private const int MaxInfoSize = 16 << 20;

    private readonly ForwardReader _reader;
    private readonly string? _path;
    private readonly MediaOptions _options;
    private readonly byte[] _small = new byte[MaxFormatSize];
    private readonly Dictionary<uint, long> _longSizes = [];
    private WavFormat? _format;
    private float[]? _samples;
    private string? _comment;
    private uint _riffSize;

    private WavReader(Stream stream, string? path, MediaOptions options)
    {
        _reader = new ForwardReader(stream);
        _path = path;
        _options = options;
    }

    /// <summary>Reads the whole file from the stream's position; the stream stays the caller's.</summary>
    /// <exception cref="MediaFormatException">It is not a WAV file, is damaged before its sound begins, or exceeds <paramref name="options"/>.</exception>
    public static async Task<WavContent> ReadAsync(Stream stream, string? path, MediaOptions options, CancellationToken cancellationToken) =>
        await new WavReader(stream, path, options).ReadAsync(cancellationToken).ConfigureAwait(false);

    private async Task<WavContent> ReadAsync(CancellationToken cancellationToken)
    {
        await ReadRiffHeaderAsync(cancellationToken).ConfigureAwait(false);
        for (int count = 0; await _reader.ReadAsync(_small.AsMemory(0, 8), cancellationToken).ConfigureAwait(false) == 8; count++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (count == MaxChunks)
            {
                throw Refuse($"more than {MaxChunks} chunks without an end; the file is damaged.");
            }

            uint id = BinaryPrimitives.ReadUInt32LittleEndian(_small);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(_small.AsSpan(4));
            if (!await ReadChunkAsync(id, size, cancellationToken).ConfigureAwait(false))
            {
                break;
            }
        }

        if (_format is null)
        {
            throw Refuse("there is no 'fmt ' chunk, so rate and channels are not known; the file is damaged.");
        }

        return new WavContent(_format, _samples ?? throw Refuse("there is no 'data' chunk, so no sound; the file is cut short or damaged."), _comment);
    }

    private async Task ReadRiffHeaderAsync(CancellationToken cancellationToken)
    {
        int read = await _reader.ReadAsync(_small.AsMemory(0, 12), cancellationToken).ConfigureAwait(false);
        if (read < 12)
        {
            throw Refuse($"there are {read} bytes, too few for any sound; a WAV file begins with 12: 'RIFF', size, 'WAVE'.");
        }

        uint form = BinaryPrimitives.ReadUInt32LittleEndian(_small);
        if ((form != Id("RIFF"u8) && form != Id("RF64"u8) && form != Id("BW64"u8)) || !_small.AsSpan(8, 4).SequenceEqual("WAVE"u8))
        {
            throw Refuse("the file does not begin with 'RIFF' (or 'RF64', 'BW64'), size, 'WAVE', so it is no WAV file.");
        }

        _riffSize = BinaryPrimitives.ReadUInt32LittleEndian(_small.AsSpan(4));
    }

    /// <summary>Reads or passes over one chunk's body; false at the end of the file.</summary>
    private async Task<bool> ReadChunkAsync(uint id, uint size, CancellationToken cancellationToken)
    {
        long start = _reader.Position;
        long length = size == UnknownSize && _longSizes.TryGetValue(id, out long longSize) ? longSize : size;
        if (id == Id("fmt "u8) && _format is null)
        {
            await ReadFormatAsync(length, cancellationToken).ConfigureAwait(false);
        }
        else if (id == Id("ds64"u8) && _longSizes.Count == 0)
        {
            await ReadLongSizesAsync(length, cancellationToken).ConfigureAwait(false);
        }
        else if (id == Id("data"u8) && _samples is null)
        {
            if (_format is null)
            {
                throw Refuse("the 'data' chunk comes before any 'fmt ' chunk, so rate and channels are not known; the file is damaged.");
            }

            bool untilEnd = (size == UnknownSize && length == UnknownSize) || (size == 0 && _longSizes.Count == 0 && (_riffSize == UnknownSize || _riffSize <= start - 8));
            _samples = await new SampleReader(_reader, _format, _path, _options).ReadAsync(untilEnd ? null : length, cancellationToken).ConfigureAwait(false);
            if (untilEnd)
            {
                return false;
            }
        }
        else if (id == Id("LIST"u8) && _comment is null && length <= Math.Min(MaxInfoSize, _reader.Remaining ?? 65536))
        {
            byte[] list = new byte[length];
            int read = await _reader.ReadAsync(list, cancellationToken).ConfigureAwait(false);
            _comment = InfoChunk.ReadComment(list.AsSpan(0, read));
        }

        return await _reader.SkipAsync(length + (length & 1) - (_reader.Position - start), cancellationToken).ConfigureAwait(false);
    }

    private async Task ReadFormatAsync(long length, CancellationToken cancellationToken)
    {
        if (length > MaxFormatSize)
        {
            throw Refuse($"the 'fmt ' chunk claims {length} bytes; no known format has more than {MaxFormatSize}. The file is damaged.");
        }

        int read = await _reader.ReadAsync(_small.AsMemory(0, (int)length), cancellationToken).ConfigureAwait(false);
        _format = WavHeader.Parse(_small.AsSpan(0, read), _path);
    }

    /// <summary>'ds64': RIFF size u64, data size u64, sample count u64, table length u32, then (chunk id, size u64) each.</summary>
    private async Task ReadLongSizesAsync(long length, CancellationToken cancellationToken)
    {
        int read = await _reader.ReadAsync(_small.AsMemory(0, (int)Math.Min(length, MaxFormatSize)), cancellationToken).ConfigureAwait(false);
        if (read < 24)
        {
            throw Refuse($"the 'ds64' chunk has {read} bytes; 28 expected. The file is damaged.");
        }

        Add(Id("data"u8), BinaryPrimitives.ReadUInt64LittleEndian(_small.AsSpan(8)));
        for (int at = 28; at + 12 <= read; at += 12)
        {
            Add(BinaryPrimitives.ReadUInt32LittleEndian(_small.AsSpan(at)), BinaryPrimitives.ReadUInt64LittleEndian(_small.AsSpan(at + 4)));
        }

        // Sizes beyond any file mean "not known", as 0xFFFFFFFF does in a plain WAV file.
        void Add(uint id, ulong size) => _longSizes[id] = size > long.MaxValue / 2 ? UnknownSize : (long)size;
    }

    private static uint Id(ReadOnlySpan<byte> name) => BinaryPrimitives.ReadUInt32LittleEndian(name);

    private MediaFormatException Refuse(string message) => new(_path, message);
}
