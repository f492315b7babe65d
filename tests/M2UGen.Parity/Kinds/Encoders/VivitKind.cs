using System.Globalization;
using M2UGen.Export.Sources;
using M2UGen.Sdk.Encoders.Adapters;
using M2UGen.Sdk.Encoders.Vivit;
using M2UGen.Sdk.Media.Image;

namespace M2UGen.Parity.Kinds.Encoders;

/// <summary>vivit: frames to features, and every stage between.</summary>
internal sealed class VivitKind : IParityKind
{
    private const string FramePrefix = "pixel_values_frame_";
    private const string RowsPrefix = "pixel_values_frames_rows_";

    public bool Handles(string kind) => kind == "vivit";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        string folder = EncoderModel.DirectoryOf(c);
        using EncoderDirectory directory = EncoderDirectory.OpenVivit(folder);
        VivitPreprocessor preprocessor = VivitPreprocessor.From(directory.Preprocessing, folder);
        long[] size = c.Inputs.Shape("frames");
        float[] pixels = Pixels(c, size, preprocessor);
        ComparePixels(c, report, pixels, (int)size[0], preprocessor);
        long[] shape = [size[0], 3, preprocessor.CropHeight, preprocessor.CropWidth];
        using (EncoderModel tapped = EncoderModel.Open(c, directory, "*"))
        {
            VisionStages.Compare(c, report, "", tapped.Run(pixels, shape, cancellationToken));
        }

        using EncoderModel model = EncoderModel.Open(c, directory);
        float[] feature = model.Run(pixels, shape, cancellationToken)["feature"].Values;
        report.Compare("agg", feature, [feature.Length]);
        report.Compare("feature", KnnMixer.Normalize(feature), [feature.Length]);
    }

    /// <summary>[frames, 3, height, width].</summary>
    private static float[] Pixels(ParityCase c, long[] size, VivitPreprocessor preprocessor)
    {
        byte[] frames = Array.ConvertAll(c.Inputs.Int64("frames"), value => (byte)value);
        int bytes = frames.Length / (int)size[0];
        int plane = 3 * preprocessor.CropHeight * preprocessor.CropWidth;
        (int height, int width) = preprocessor.ResizedSize((int)size[1], (int)size[2]);
        float[] pixels = new float[size[0] * plane];
        for (int i = 0; i < size[0]; i++)
        {
            byte[] resized = Resizer.Resize(frames.AsSpan(i * bytes, bytes), (int)size[2], (int)size[1], 3, width, height);
            preprocessor.Prepare(resized, height, width, pixels.AsSpan(i * plane, plane));
        }

        return pixels;
    }

    private static void ComparePixels(ParityCase c, ParityReport report, float[] pixels, int frames, VivitPreprocessor preprocessor)
    {
        (int height, int width) = (preprocessor.CropHeight, preprocessor.CropWidth);
        int plane = 3 * height * width;
        foreach (string tensor in c.Expected.Names)
        {
            if (tensor.StartsWith(FramePrefix, StringComparison.Ordinal))
            {
                int frame = int.Parse(tensor[FramePrefix.Length..], CultureInfo.InvariantCulture);
                report.Compare(tensor, pixels.AsSpan(frame * plane, plane), [3, height, width]);
            }
            else if (tensor.StartsWith(RowsPrefix, StringComparison.Ordinal))
            {
                float[] kept = VisionStages.Rows(pixels, height, width, tensor[RowsPrefix.Length..]);
                report.Compare(tensor, kept, [frames, 3, kept.Length / frames / 3 / width, width]);
            }
        }
    }
}
