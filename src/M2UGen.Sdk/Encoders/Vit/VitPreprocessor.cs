using System.Text.Json.Nodes;

namespace M2UGen.Sdk.Encoders.Vit;

/// <summary>Brings a picture of the right size into the form that ViT takes: the last steps of transformers' ViTImageProcessor.</summary>
/// <remarks>The reference divides by 255, lets PIL resize 8-bit pixels, divides by 255 again and normalises; so do we, with the resizing left to the media room.</remarks>
internal sealed class VitPreprocessor
{
    private const int LargestSide = 1 << 13;
    private const int Channels = 3;
    private readonly PixelNormalization _normalization;

    private VitPreprocessor(int height, int width, float[] mean, float[] deviation)
    {
        Height = height;
        Width = width;
        _normalization = new PixelNormalization(1 / 255.0, 0, mean, deviation);
    }

    /// <summary>Rows that a picture must be resized to.</summary>
    public int Height { get; }

    /// <summary>Columns that a picture must be resized to.</summary>
    public int Width { get; }

    /// <summary>Reads the manifest's <c>preprocessing.vit</c>.</summary>
    /// <exception cref="ModelBundleException">A value is missing or out of range.</exception>
    public static VitPreprocessor From(JsonObject section, string path)
    {
        PreprocessingNumbers numbers = new(section, "vit", path);
        return new VitPreprocessor(numbers.Integer("height", LargestSide), numbers.Integer("width", LargestSide), numbers.List("image_mean", Channels), numbers.List("image_std", Channels));
    }

    /// <summary>The graph's <c>pixel_values</c>.</summary>
    /// <param name="rgb">[<see cref="Height"/>, <see cref="Width"/>, 3] bytes.</param>
    /// <param name="values">[3, <see cref="Height"/>, <see cref="Width"/>].</param>
    /// <exception cref="ArgumentException">The picture has another size.</exception>
    public void Prepare(ReadOnlySpan<byte> rgb, Span<float> values)
    {
        if (rgb.Length != Height * Width * Channels)
        {
            throw new ArgumentException($"The picture has {rgb.Length} bytes; expected {Height} x {Width} pixels of {Channels}.", nameof(rgb));
        }

        _normalization.Apply(rgb, Width, 0, 0, Height, Width, values);
    }
}
