using System.Globalization;
using System.Text.RegularExpressions;
using M2UGen.Sdk.Media.Image;

namespace M2UGen.Parity.Kinds;

/// <summary>PIL's bilinear resize on bytes: every picture of the case, exact.</summary>
internal sealed partial class MediaResizeKind : IParityKind
{
    public bool Handles(string kind) => kind == "media-resize";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (string tensor in c.Expected.Names)
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.Row(tensor, () =>
            {
                Match name = NamePattern().Match(tensor);
                if (!name.Success)
                {
                    throw new ParityException($"'{tensor}' does not say what size becomes what size.");
                }

                (int newHeight, int newWidth) = (Number(name, 1), Number(name, 2));
                long[] shape = c.Inputs.Shape(tensor);
                int channels = shape.Length == 3 ? (int)shape[2] : 1;
                byte[] pixels = Array.ConvertAll(c.Inputs.Int64(tensor), value => checked((byte)value));
                byte[] resized = Resizer.Resize(pixels, (int)shape[1], (int)shape[0], channels, newWidth, newHeight);
                long[] size = shape.Length == 3 ? [newHeight, newWidth, channels] : [newHeight, newWidth];
                report.CompareExact(tensor, Array.ConvertAll(resized, value => (long)value), size);
            });
        }
    }

    private static int Number(Match name, int group) => int.Parse(name.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\d+x\d+_to_(\d+)x(\d+)$")]
    private static partial Regex NamePattern();
}
