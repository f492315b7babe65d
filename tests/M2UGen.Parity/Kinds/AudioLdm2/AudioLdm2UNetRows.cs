using System.Globalization;
using M2UGen.Export.Sources;
using M2UGen.Parity.Kinds.MusicGen;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>The rows <c>unet.*</c> and <c>decode.*</c> of an audioldm2 case: single evaluations with the recorded conditions, and the way from latents to sound.</summary>
internal static class AudioLdm2UNetRows
{
    private const string Prefix = "unet.";
    private const string Out = ".out";

    /// <summary>Compares all of them.</summary>
    public static void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        string checkpoint = c.HasFile("checkpoint") ? c.FileOf("checkpoint") : c.Resolve("checkpoint");
        report.Row("unet (graphs)", () => RunUNet(c, report, Path.Combine(checkpoint, "unet"), cancellationToken));
        report.Row("decode (graphs)", () => RunDecode(c, report, checkpoint, cancellationToken));
    }

    private static void RunUNet(ParityCase c, ParityReport report, string folder, CancellationToken cancellationToken)
    {
        Conditions conditions = new(c);
        string[] outputs = [.. c.Expected.Names.Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Out, StringComparison.Ordinal))];
        using (DiffusionParts parts = new(c, DiffusionFolder.OpenUNet(folder)))
        {
            UNet unet = new(parts.Models, new UNetConfig(parts.Number(UNet.Component, "in_channels"), parts.Number(UNet.Component, "out_channels")));
            foreach (string tensor in outputs)
            {
                // unet.[form.]tT.out
                string[] words = tensor.Split('.');
                string form = words.Length == 4 ? words[1] : "";
                string sample = form == "even" ? "unet_sample_even" : "unet_sample";
                UNetCondition condition = form switch
                {
                    "even" => conditions.Positive(),
                    "nomask" => conditions.Unmasked(),
                    _ => conditions.All(),
                };
                report.Row($"{tensor} (run)", () => Evaluate(c, report, unet, condition, sample, Timestep(words[^2]), tensor, cancellationToken));
            }
        }

        using DiffusionParts tapped = new(c, DiffusionFolder.OpenUNet(folder), "*");
        foreach (string step in c.Expected.Names.Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name.Split('.')[1]).Distinct().Where(IsTimestep))
        {
            report.Row($"{Prefix}{step} (taps)", () => CompareTaps(c, report, tapped, conditions, step, cancellationToken));
        }
    }

    /// <summary>One evaluation as the product makes it.</summary>
    private static void Evaluate(ParityCase c, ParityReport report, UNet unet, UNetCondition condition, string sample, float timestep, string tensor, CancellationToken cancellationToken)
    {
        long[] shape = c.Inputs.Shape(sample);
        using UNetSession session = unet.Begin(condition, [timestep], (int)shape[0], (int)shape[2], (int)shape[3], cancellationToken);
        c.Inputs.Float(sample).CopyTo(session.Sample);
        session.Run(0, cancellationToken);
        report.Compare(tensor, session.Output, [condition.Rows, unet.Config.OutChannels, shape[2], shape[3]]);
    }

    private static void CompareTaps(ParityCase c, ParityReport report, DiffusionParts tapped, Conditions conditions, string step, CancellationToken cancellationToken)
    {
        string prefix = $"{Prefix}{step}.";
        if (!c.Expected.Names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal) && !report.Has(name)))
        {
            return;
        }

        using NativeTensor timesteps = NativeTensor.Of<float>([Timestep(step)], 1);
        Dictionary<string, (float[] Values, long[] Shape)> time = tapped.Run(UNet.TimeComponent, cancellationToken, ("timesteps", timesteps));
        foreach ((string stage, (float[] values, long[] shape)) in time.Where(output => c.Expected.Has(prefix + output.Key)))
        {
            // The reference embeds the timestep once a row of the batch.
            int rows = (int)c.Expected.Shape(prefix + stage)[0];
            report.Compare(prefix + stage, [.. Enumerable.Repeat(values, rows).SelectMany(row => row)], [rows, shape[1]]);
        }

        List<NativeTensor> owned = [];
        try
        {
            UNetCondition condition = conditions.All();
            Dictionary<string, (float[] Values, long[] Shape)> keys = tapped.Run(UNet.ConditionComponent, cancellationToken, conditions.Inputs(condition, Own));
            IOnnxModel unet = tapped.Models.Get(UNet.Component);
            (string, NativeTensor)[] inputs =
            [
                ("sample", Own(NativeTensor.Of<float>(c.Inputs.Float("unet_sample"), c.Inputs.Shape("unet_sample")))),
                ("time_projections", Own(NativeTensor.Of<float>(time["time_projections"].Values, time["time_projections"].Shape))),
                .. keys.Select(key => (key.Key, Own(MusicRuns.Of(unet, key.Key, key.Value.Values, key.Value.Shape)))),
            ];
            DiffusionParts.Compare(c, report, prefix, tapped.Run(UNet.Component, cancellationToken, inputs));
        }
        finally
        {
            owned.ForEach(tensor => tensor.Dispose());
        }

        NativeTensor Own(NativeTensor tensor)
        {
            owned.Add(tensor);
            return tensor;
        }
    }

    /// <summary>Latents to mel to waveform, from what the case recorded.</summary>
    private static void RunDecode(ParityCase c, ParityReport report, string checkpoint, CancellationToken cancellationToken)
    {
        if (!c.Expected.Has("decode.mel"))
        {
            return;
        }

        // "ddim10.last / vae scaling_factor": the decoder's graph divides itself.
        string latents = c.Json.GetProperty("stage_inputs").GetProperty("decode.mel").GetString()!.Split(' ')[0];
        long[] shape = c.Expected.Shape(latents);
        using DiffusionParts vae = new(c, DiffusionFolder.OpenVae(Path.Combine(checkpoint, "vae")));
        VaeDecoder decoder = new(vae.Models, VaeDecoderKind.ConfigOf(vae));
        float[] mel = decoder.Decode(c.Expected.Float(latents), (int)shape[0], (int)shape[2], (int)shape[3], cancellationToken);
        int scale = decoder.Config.ScaleFactor;
        report.Compare("decode.mel", mel, [shape[0], decoder.Config.OutputChannels, shape[2] * scale, shape[3] * scale]);
        using DiffusionParts parts = new(c, DiffusionFolder.OpenVocoder(Path.Combine(checkpoint, "vocoder")));
        float[] waveform = new HifiGanVocoder(parts.Models, VocoderKind.ConfigOf(parts)).Decode(c.Expected.Float("decode.mel"), (int)shape[0], cancellationToken);
        report.Compare("decode.waveform_untrimmed", waveform, [shape[0], waveform.Length / shape[0]]);
    }

    private static bool IsTimestep(string word) => word.Length > 1 && word[0] == 't' && word.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0;

    private static float Timestep(string word) => int.Parse(word.AsSpan(1), CultureInfo.InvariantCulture);

    /// <summary>The tensors <c>cfg.*</c>: rows [negative, positive].</summary>
    private sealed class Conditions(ParityCase c)
    {
        private readonly float[] _generated = c.Expected.Float("cfg.generated_prompt_embeds");
        private readonly float[] _prompt = c.Expected.Float("cfg.prompt_embeds");
        private readonly long[] _mask = c.Expected.Int64("cfg.attention_mask");
        private readonly long[] _generatedShape = c.Expected.Shape("cfg.generated_prompt_embeds");
        private readonly long[] _promptShape = c.Expected.Shape("cfg.prompt_embeds");

        public UNetCondition All() => new(_generated, _prompt, _mask, (int)_promptShape[0]);

        public UNetCondition Unmasked() => All() with { AttentionMask = Enumerable.Repeat(1L, _mask.Length).ToArray() };

        public UNetCondition Positive() => new(_generated.AsMemory(_generated.Length / 2), _prompt.AsMemory(_prompt.Length / 2), _mask.AsMemory(_mask.Length / 2), (int)_promptShape[0] / 2);

        public (string, NativeTensor)[] Inputs(UNetCondition condition, Func<NativeTensor, NativeTensor> own) =>
        [
            ("generated_prompt_embeds", own(NativeTensor.Of(condition.GeneratedPromptEmbeds.Span, _generatedShape))),
            ("prompt_embeds", own(NativeTensor.Of(condition.PromptEmbeds.Span, _promptShape))),
            ("attention_mask", own(NativeTensor.Of(condition.AttentionMask.Span, _promptShape[0], _promptShape[1]))),
        ];
    }
}
