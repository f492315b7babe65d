using M2UGen.Export.Sources;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>vae-decoder: latents to spectrograms, and every stage between.</summary>
internal sealed class VaeDecoderKind : IParityKind
{
    public bool Handles(string kind) => kind == "vae-decoder";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        string folder = c.HasFile("checkpoint") ? c.FileOf("checkpoint") : c.Resolve("checkpoint");
        long[] shape = c.Inputs.Shape("latents");
        float[] latents = c.Inputs.Float("latents");
        using (DiffusionParts parts = new(c, DiffusionFolder.OpenVae(folder)))
        {
            VaeDecoder decoder = new(parts.Models, ConfigOf(parts));
            float[] mel = decoder.Decode(latents, (int)shape[0], (int)shape[2], (int)shape[3], cancellationToken);
            int scale = decoder.Config.ScaleFactor;
            report.Compare("mel", mel, [shape[0], decoder.Config.OutputChannels, shape[2] * scale, shape[3] * scale]);
        }

        using DiffusionParts tapped = new(c, DiffusionFolder.OpenVae(folder), "*");
        using NativeTensor tensor = NativeTensor.Of<float>(latents, shape);
        DiffusionParts.Compare(c, report, "", tapped.Run(VaeDecoder.Component, cancellationToken, ("latents", tensor)));
    }

    /// <summary>The numbers that the exporter leaves for the runtime.</summary>
    public static VaeConfig ConfigOf(DiffusionParts parts) => new(
        parts.Number(VaeDecoder.Component, "latent_channels"),
        parts.Number(VaeDecoder.Component, "out_channels"),
        parts.Number(VaeDecoder.Component, "scale_factor"));
}
