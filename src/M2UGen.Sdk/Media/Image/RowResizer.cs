namespace M2UGen.Sdk.Media.Image;

/// <summary>The first pass of a resize: rows become narrower or wider.</summary>
internal sealed class RowResizer
{
    // The fast loop's table has 64 bytes and more for every pixel of the result.
    private const int MaxTableWidth = 1 << 14;

    private readonly int _channels;
    private readonly int _rowBytes;
    private readonly ResizeKernel? _kernel;
    private readonly RgbRowResizer? _rgb;
    private readonly byte[] _padded;

    /// <summary>Prepares rows of <paramref name="width"/> pixels to become rows of <paramref name="newWidth"/>; equal widths are copied.</summary>
    public RowResizer(int width, int newWidth, int channels)
    {
        _channels = channels;
        _rowBytes = width * channels;
        _kernel = newWidth == width ? null : new ResizeKernel(width, newWidth);
        _rgb = _kernel is not null && channels == 3 && newWidth <= MaxTableWidth && RgbRowResizer.IsSupported ? new RgbRowResizer(_kernel, newWidth) : null;
        _padded = new byte[_rgb?.ReadSize ?? 0];
    }

    /// <summary>Resizes one row of a picture.</summary>
    /// <param name="pixels">The whole picture.</param>
    /// <param name="y">The row.</param>
    /// <param name="output">[new width × channels].</param>
    public void Resize(ReadOnlySpan<byte> pixels, int y, Span<byte> output)
    {
        ReadOnlySpan<byte> rest = pixels[(y * _rowBytes)..];
        if (_kernel is null)
        {
            rest[.._rowBytes].CopyTo(output);
        }
        else if (_rgb is null)
        {
            Resize(rest[.._rowBytes], _kernel, _channels, output);
        }
        else if (rest.Length >= _rgb.ReadSize)
        {
            _rgb.Resize(rest, output);
        }
        else
        {
            // The last rows: nothing may be read behind the picture.
            rest[.._rowBytes].CopyTo(_padded.AsSpan(0, Math.Max(_rowBytes, _padded.Length)));
            _rgb.Resize(_padded, output);
        }
    }

    /// <summary>The plain loop, for any number of channels.</summary>
    internal static void Resize(ReadOnlySpan<byte> row, ResizeKernel kernel, int channels, Span<byte> output)
    {
        for (int x = 0; x < output.Length / channels; x++)
        {
            ReadOnlySpan<int> weights = kernel.Weights(x);
            ReadOnlySpan<byte> taps = row.Slice(kernel.Start(x) * channels, weights.Length * channels);
            for (int channel = 0; channel < channels; channel++)
            {
                int sum = ResizeKernel.Half;
                for (int tap = 0, at = channel; tap < weights.Length; tap++, at += channels)
                {
                    sum += weights[tap] * taps[at];
                }

                output[(x * channels) + channel] = ResizeKernel.ToByte(sum);
            }
        }
    }
}
