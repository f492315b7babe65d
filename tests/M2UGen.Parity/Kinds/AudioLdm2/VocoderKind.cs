using M2UGen.Export.Sources;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>vocoder: spectrograms to waveforms, batched and not, and every stage between. Inputs <c>form.mel</c> go through <c>checkpoint_form</c>.</summary>
internal sealed class VocoderKind : IParityKind
{
    private const string Mel = ".mel";

    public bool Handles(string kind) => kind == "vocoder";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (string form in c.Inputs.Names.Where(name => name.EndsWith(Mel, StringComparison.Ordinal)).Select(name => name[..^Mel.Length]))
        {
            report.Row($"{form} (graph)", () => RunForm(c, report, form, cancellationToken));
        }
    }

    /// <summary>The numbers that the exporter leaves for the runtime.</summary>
    public static VocoderConfig ConfigOf(DiffusionParts parts) => new(
        parts.Number(HifiGanVocoder.Component, "mel_bins"),
        parts.Number(HifiGanVocoder.Component, "sampling_rate"),
        parts.Number(HifiGanVocoder.Component, "samples_per_frame"),
        parts.Number(HifiGanVocoder.Component, "extra_samples"));

    private static void RunForm(ParityCase c, ParityReport report, string form, CancellationToken cancellationToken)
    {
        string folder = c.Resolve($"checkpoint_{form}");
        using (DiffusionParts parts = new(c, DiffusionFolder.OpenVocoder(folder)))
        {
            HifiGanVocoder vocoder = new(parts.Models, ConfigOf(parts));
            int batch = (int)c.Inputs.Shape(form + Mel)[0];
            float[] waveform = vocoder.Decode(c.Inputs.Float(form + Mel), batch, cancellationToken);
            report.Compare($"{form}.waveform", waveform, [batch, waveform.Length / batch]);
            float[] single = vocoder.Decode(c.Inputs.Float($"{form}.mel_unbatched"), 1, cancellationToken);
            report.Compare($"{form}.waveform_unbatched", single, [single.Length]);
        }

        using DiffusionParts tapped = new(c, DiffusionFolder.OpenVocoder(folder), "*");
        using NativeTensor mel = NativeTensor.Of<float>(c.Inputs.Float(form + Mel), c.Inputs.Shape(form + Mel));
        DiffusionParts.Compare(c, report, $"{form}.", tapped.Run(HifiGanVocoder.Component, cancellationToken, ("mel", mel)));
    }
}
