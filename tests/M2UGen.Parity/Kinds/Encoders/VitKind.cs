using M2UGen.Export.Sources;
using M2UGen.Sdk.Encoders.Adapters;
using M2UGen.Sdk.Encoders.Vit;
using M2UGen.Sdk.Media.Image;

namespace M2UGen.Parity.Kinds.Encoders;

/// <summary>vit: pictures to features, and every stage between.</summary>
internal sealed class VitKind : IParityKind
{
    private const string Picture = ".rgb";

    public bool Handles(string kind) => kind == "vit";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        string folder = EncoderModel.DirectoryOf(c);
        using EncoderDirectory directory = EncoderDirectory.OpenVit(folder);
        VitPreprocessor preprocessor = VitPreprocessor.From(directory.Preprocessing, folder);
        using EncoderModel model = EncoderModel.Open(c, directory);
        using EncoderModel tapped = EncoderModel.Open(c, directory, "*");
        foreach (string input in c.Inputs.Names.Where(name => name.EndsWith(Picture, StringComparison.Ordinal)))
        {
            string prefix = input[..^(Picture.Length - 1)];
            float[] pixels = Pixels(c, report, input, prefix, preprocessor);
            long[] shape = [3, preprocessor.Height, preprocessor.Width];
            VisionStages.Compare(c, report, prefix, tapped.Run(pixels, shape, cancellationToken));
            float[] feature = model.Run(pixels, shape, cancellationToken)["feature"].Values;
            report.Compare($"{prefix}agg", feature, [feature.Length]);
            report.Compare($"{prefix}feature", KnnMixer.Normalize(feature), [feature.Length]);
        }
    }

    /// <summary>The graph's input, compared with what is stored of it.</summary>
    private static float[] Pixels(ParityCase c, ParityReport report, string input, string prefix, VitPreprocessor preprocessor)
    {
        long[] size = c.Inputs.Shape(input);
        string whole = $"{prefix}pixel_values";
        string rows = $"{whole}_rows_";
        byte[] picture = Array.ConvertAll(c.Inputs.Int64(input), value => (byte)value);
        float[] pixels = new float[3 * preprocessor.Height * preprocessor.Width];
        preprocessor.Prepare(Resizer.Resize(picture, (int)size[1], (int)size[0], 3, preprocessor.Width, preprocessor.Height), pixels);
        if (c.Expected.Has(whole))
        {
            report.Compare(whole, pixels, [3, preprocessor.Height, preprocessor.Width]);
        }

        foreach (string tensor in c.Expected.Names.Where(name => name.StartsWith(rows, StringComparison.Ordinal)))
        {
            float[] kept = VisionStages.Rows(pixels, preprocessor.Height, preprocessor.Width, tensor[rows.Length..]);
            report.Compare(tensor, kept, [3, kept.Length / 3 / preprocessor.Width, preprocessor.Width]);
        }

        return pixels;
    }
}
