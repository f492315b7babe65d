using System.Runtime.InteropServices;

namespace M2UGen.Export.Graph;

/// <summary>Takes the float32 elements that <see cref="Weight.WriteTo"/> writes, piece by piece, to store them in another form.</summary>
internal abstract class FloatSink : Stream
{
    /// <inheritdoc/>
    public sealed override bool CanRead => false;

    /// <inheritdoc/>
    public sealed override bool CanSeek => false;

    /// <inheritdoc/>
    public sealed override bool CanWrite => true;

    /// <inheritdoc/>
    public sealed override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public sealed override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length % sizeof(float) != 0)
        {
            throw new InvalidOperationException("Weights are written in whole elements.");
        }

        Take(MemoryMarshal.Cast<byte, float>(buffer));
    }

    /// <inheritdoc/>
    public sealed override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public sealed override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public sealed override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Takes the next elements, row-major.</summary>
    protected abstract void Take(ReadOnlySpan<float> elements);
}
