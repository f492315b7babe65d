using System.Text.Json.Nodes;

namespace M2UGen.Sdk.Encoders.Vivit;

/// <summary>Brings resized frames into the form that ViViT takes: transformers' VivitImageProcessor, with the resizing itself left to the media room.</summary>
/// <remarks>
/// resize (shortest edge) ── centre crop ── · rescale_factor ── - 1 ── (x - mean) / std. Published numbers: 1/127.5 and means and deviations of 0.5, so values are in [-3, 1].
/// </remarks>
internal sealed class VivitPreprocessor
{
    private const int LargestSide = 1 << 13;
    private const int Channels = 3;
    private readonly int? _shortestEdge;
    private readonly int _height;
    private readonly int _width;
    private readonly PixelNormalization _normalization;

    private VivitPreprocessor(PreprocessingNumbers numbers)
    {
        CropHeight = numbers.Integer("crop_height", LargestSide);
        CropWidth = numbers.Integer("crop_width", LargestSide);
        if (numbers.Has("shortest_edge"))
        {
            _shortestEdge = numbers.Integer("shortest_edge", LargestSide);
            _height = _width = _shortestEdge.Value;
        }
        else
        {
            _height = numbers.Integer("height", LargestSide);
            _width = numbers.Integer("width", LargestSide);
        }

        if (CropHeight > _height || CropWidth > _width)
        {
            throw numbers.Refuse("crop_height", "a crop no larger than the resized frame");
        }

        _normalization = new PixelNormalization(numbers.Number("rescale_factor"), numbers.Flag("offset") ? 1 : 0, numbers.List("image_mean", Channels), numbers.List("image_std", Channels));
    }

    /// <summary>Rows that are kept of a resized frame.</summary>
    public int CropHeight { get; }

    /// <summary>Columns that are kept of a resized frame.</summary>
    public int CropWidth { get; }

    /// <summary>Reads the manifest's <c>preprocessing.vivit</c>.</summary>
    /// <exception cref="ModelBundleException">A value is missing or out of range.</exception>
    public static VivitPreprocessor From(JsonObject section, string path) => new(new PreprocessingNumbers(section, "vivit", path));

    /// <summary>The size that a frame must be resized to.</summary>
    /// <param name="height">Rows of the film.</param>
    /// <param name="width">Columns of the film.</param>
    public (int Height, int Width) ResizedSize(int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (_shortestEdge is not { } edge)
        {
            return (_height, _width);
        }

        // In double and truncated, as the reference's int(short * long / short_edge) is.
        int other = (int)((double)((long)edge * Math.Max(height, width)) / Math.Min(height, width));
        return width <= height ? (other, edge) : (edge, other);
    }

    /// <summary>One frame of the graph's <c>pixel_values</c>.</summary>
    /// <param name="rgb">[<paramref name="height"/>, <paramref name="width"/>, 3] bytes, resized to <see cref="ResizedSize"/>.</param>
    /// <param name="height">Rows, at least <see cref="CropHeight"/>.</param>
    /// <param name="width">Columns, at least <see cref="CropWidth"/>.</param>
    /// <param name="values">[3, <see cref="CropHeight"/>, <see cref="CropWidth"/>].</param>
    /// <exception cref="ArgumentException">The frame is smaller than the crop, or its bytes do not fit its size.</exception>
    public void Prepare(ReadOnlySpan<byte> rgb, int height, int width, Span<float> values)
    {
        if (height < CropHeight || width < CropWidth || rgb.Length != (long)height * width * Channels)
        {
            throw new ArgumentException($"The frame has {rgb.Length} bytes and {height} x {width} pixels; expected {Channels} bytes a pixel and at least {CropHeight} x {CropWidth} pixels.", nameof(rgb));
        }

        _normalization.Apply(rgb, width, (height - CropHeight) / 2, (width - CropWidth) / 2, CropHeight, CropWidth, values);
    }
}
