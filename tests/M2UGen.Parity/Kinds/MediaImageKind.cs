using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using M2UGen.Sdk;
using M2UGen.Sdk.Encoders.Vit;
using M2UGen.Sdk.Media.Image;

namespace M2UGen.Parity.Kinds;

/// <summary>Picture files: decoded, turned upright, resized, made into pixel values; and the files that must be refused.</summary>
/// <remarks>Tolerances are each file's own: <c>files.*.decode_tolerance</c> levels, with a small mean, where a decoder may round.</remarks>
internal sealed partial class MediaImageKind : IParityKind
{
    private const int Side = 224;
    private const string UprightSuffix = "_upright";

    public bool Handles(string kind) => kind == "media-image";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (JsonProperty file in c.Json.GetProperty("files").EnumerateObject())
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.Row(file.Name, () => CheckFile(c, report, file.Name, file.Value, cancellationToken));
        }

        foreach (JsonProperty file in c.Json.GetProperty("refuse").EnumerateObject())
        {
            cancellationToken.ThrowIfCancellationRequested();
            CheckRefused(c, report, file.Name, cancellationToken);
        }
    }

    private static void CheckFile(ParityCase c, ParityReport report, string name, JsonElement row, CancellationToken cancellationToken)
    {
        int levels = row.GetProperty("decode_tolerance").GetInt32();
        double mean = c.Json.GetProperty("tolerance").GetProperty("decode_mean").GetDouble();
        ImageFrame stored = Load(c, name, new ImageDecodeOptions { ApplyOrientation = false }, cancellationToken);
        ImageFrame upright = Load(c, name, new ImageDecodeOptions(), cancellationToken);

        CheckSize(report, $"{name} size", row.GetProperty("size"), stored);
        CheckSize(report, $"{name} upright size", row.TryGetProperty("upright_size", out JsonElement size) ? size : row.GetProperty("size"), upright);
        if (row.TryGetProperty("rgb_sha256", out JsonElement hash) && hash.ValueKind == JsonValueKind.String)
        {
            report.CheckText($"{name} rgb_sha256", hash.GetString(), Convert.ToHexStringLower(SHA256.HashData(stored.Rgb.Span)));
        }

        Compare(c, report, $"{name}.rgb", stored.Rgb.Span, [stored.Height, stored.Width, ImageFrame.Channels], levels, mean);
        Compare(c, report, $"{name}.rgb{UprightSuffix}", upright.Rgb.Span, [upright.Height, upright.Width, ImageFrame.Channels], levels, mean);
        Compare(c, report, $"{name}.resized_u8", stored.Resize(Side, Side), [Side, Side, ImageFrame.Channels], levels, mean);
        Compare(c, report, $"{name}.resized_u8{UprightSuffix}", upright.Resize(Side, Side), [Side, Side, ImageFrame.Channels], levels, mean);

        // From the recorded bytes, so that a lossy decoder's rounding has no part in it.
        string values = $"{name}.pixel_values";
        if (c.Expected.Has(values))
        {
            byte[] resized = c.Expected.Has($"{name}.resized_u8")
                ? Array.ConvertAll(c.Expected.Int64($"{name}.resized_u8"), value => checked((byte)value))
                : stored.Resize(Side, Side);
            Tolerance tolerance = c.Expected.Has($"{name}.resized_u8") || levels == 0
                ? Tolerance.Absolute(c.Json.GetProperty("tolerance").GetProperty("pixel_values_abs").GetDouble())
                : Tolerance.Absolute(levels / 127.5);
            report.Compare(values, PixelValues(resized), [ImageFrame.Channels, Side, Side], tolerance);
        }

        CheckPaletteHabit(c, report, name, row, stored, cancellationToken);
    }

    /// <summary>inference.py takes a palette's indices for grey values; the case says how far that is from the colours.</summary>
    private static void CheckPaletteHabit(ParityCase c, ParityReport report, string name, JsonElement row, ImageFrame colours, CancellationToken cancellationToken)
    {
        if (!row.TryGetProperty("inference_py", out JsonElement text))
        {
            return;
        }

        ImageFrame indices = Load(c, name, new ImageDecodeOptions { ApplyOrientation = false, PaletteIndicesAsGrey = true }, cancellationToken);
        Match differs = DifferencePattern().Match(text.GetString()!);
        if (!differs.Success)
        {
            report.Check($"{name} without a palette", indices.Rgb.Span.SequenceEqual(colours.Rgb.Span), "PaletteIndicesAsGrey changed a picture that has no palette of colours");
            return;
        }

        float[] expected = PixelValues(colours.Resize(Side, Side));
        float[] actual = PixelValues(indices.Resize(Side, Side));
        double largest = expected.Zip(actual, (e, a) => Math.Abs((double)e - a)).Max();
        double stated = double.Parse(differs.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        report.CheckValues($"{name} palette indices as grey", [stated], [largest], Tolerance.Absolute(0.0005001));
    }

    private static void CheckRefused(ParityCase c, ParityReport report, string name, CancellationToken cancellationToken)
    {
        try
        {
            ImageFrame image = ImageFrame.LoadAsync(c.Resolve(name), cancellationToken).GetAwaiter().GetResult();
            report.Fail($"{name} refused", $"was read as {image.Width} x {image.Height} pixels");
        }
        catch (MediaFormatException)
        {
            report.Check($"{name} refused", true, "");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            report.Fail($"{name} refused", ParityReport.Describe(e));
        }
    }

    private static void CheckSize(ParityReport report, string name, JsonElement expected, ImageFrame image) =>
        report.CheckIds(name, [expected[0].GetInt64(), expected[1].GetInt64()], [image.Width, image.Height]);

    /// <summary>Compares bytes with a tensor, if the case has it: exact where no levels are allowed.</summary>
    private static void Compare(ParityCase c, ParityReport report, string tensor, ReadOnlySpan<byte> actual, ReadOnlySpan<long> shape, int levels, double mean)
    {
        if (!c.Expected.Has(tensor))
        {
            return;
        }

        long[] values = new long[actual.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = actual[i];
        }

        if (levels == 0 || !shape.SequenceEqual(c.Expected.Shape(tensor)))
        {
            report.CompareExact(tensor, values, shape);
            return;
        }

        long[] expected = c.Expected.Int64(tensor);
        report.CheckValues(tensor, Array.ConvertAll(expected, e => (double)e), Array.ConvertAll(values, v => (double)v), Tolerance.Absolute(levels));
        report.CheckValues($"{tensor} mean difference", [0], [expected.Zip(values, (e, v) => Math.Abs(e - v)).Average()], Tolerance.Absolute(mean));
    }

    private static float[] PixelValues(byte[] rgb)
    {
        JsonObject numbers = new() { ["height"] = Side, ["width"] = Side, ["image_mean"] = new JsonArray(0.5, 0.5, 0.5), ["image_std"] = new JsonArray(0.5, 0.5, 0.5) };
        float[] values = new float[rgb.Length];
        VitPreprocessor.From(numbers, "the case").Prepare(rgb, values);
        return values;
    }

    private static ImageFrame Load(ParityCase c, string name, ImageDecodeOptions options, CancellationToken cancellationToken) =>
        ImageFrame.LoadAsync(MediaSource.FromFile(c.Resolve(name)), options, cancellationToken).GetAwaiter().GetResult();

    [GeneratedRegex(@"differs from the convert\('RGB'\) path by up to ([0-9.]+)$")]
    private static partial Regex DifferencePattern();
}
