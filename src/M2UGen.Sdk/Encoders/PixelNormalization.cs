namespace M2UGen.Sdk.Encoders;

/// <summary>Turns 8-bit pixels into the numbers that a vision encoder takes: y = (x · scale - shift - mean) / deviation, a table of 256 values a channel.</summary>
internal sealed class PixelNormalization
{
    private const int Levels = 256;
    private readonly float[] _table;

    /// <summary>Works the tables out, in float32 after the scale as transformers does.</summary>
    /// <param name="scale">Factor of a pixel's value, in double.</param>
    /// <param name="shift">Taken away behind the scale.</param>
    /// <param name="mean">A number a channel.</param>
    /// <param name="deviation">A number a channel, above 0.</param>
    public PixelNormalization(double scale, float shift, ReadOnlySpan<float> mean, ReadOnlySpan<float> deviation)
    {
        Channels = mean.Length;
        _table = new float[Channels * Levels];
        for (int channel = 0; channel < Channels; channel++)
        {
            for (int level = 0; level < Levels; level++)
            {
                _table[(channel * Levels) + level] = ((float)(level * scale) - shift - mean[channel]) / deviation[channel];
            }
        }
    }

    /// <summary>Colour channels.</summary>
    public int Channels { get; }

    /// <summary>Normalises a rectangle of a picture and turns it from interleaved to one plane a channel.</summary>
    /// <param name="pixels">[rows, <paramref name="stride"/>, channels] bytes.</param>
    /// <param name="stride">Pixels of a row of the picture.</param>
    /// <param name="top">First row taken.</param>
    /// <param name="left">First column taken.</param>
    /// <param name="height">Rows taken.</param>
    /// <param name="width">Columns taken.</param>
    /// <param name="values">[channels, height, width].</param>
    public void Apply(ReadOnlySpan<byte> pixels, int stride, int top, int left, int height, int width, Span<float> values)
    {
        for (int channel = 0; channel < Channels; channel++)
        {
            ReadOnlySpan<float> table = _table.AsSpan(channel * Levels, Levels);
            for (int row = 0; row < height; row++)
            {
                ReadOnlySpan<byte> source = pixels[((((top + row) * stride) + left) * Channels)..];
                Span<float> target = values.Slice(((channel * height) + row) * width, width);
                for (int column = 0; column < width; column++)
                {
                    target[column] = table[source[(column * Channels) + channel]];
                }
            }
        }
    }
}
