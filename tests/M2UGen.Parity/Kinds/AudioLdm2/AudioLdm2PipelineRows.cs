using System.Globalization;
using System.Numerics.Tensors;
using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>
/// Rows of an audioldm2 case that go through the decoder: <c>lengths.*</c>, <c>ddimN.*</c> (the whole loop from the case's noise, with guidance, without, with an empty
/// negative prompt, for two prompts), <c>embedding.ddimN.last</c>, <c>whole.*</c> (three candidates, decoded and ranked).
/// </summary>
internal static partial class AudioLdm2PipelineRows
{
    // The relative tolerance of the one number that case.json has without a tensor.
    private const double OfRecordedDifference = 0.02;

    public static void Run(ParityCase c, AudioLdm2Bundle bundle, ParityReport report, CancellationToken cancellationToken)
    {
        report.Row("lengths (rows)", () => RunLengths(c, bundle, report));
        foreach (string name in c.Expected.Names.Select(name => LoopName().Match(name)).Where(match => match.Success).Select(match => match.Value).Distinct())
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.Row($"{name} (loop)", () => RunLoop(c, bundle, report, name, cancellationToken));
        }

        foreach (string tensor in c.Expected.Names.Where(name => name.StartsWith("embedding.", StringComparison.Ordinal)))
        {
            report.Row($"{tensor} (loop)", () => RunEmbedding(c, bundle, report, tensor, cancellationToken));
        }

        report.Row("whole (pipeline)", () => RunWhole(c, bundle, report, cancellationToken));
        report.Row("unpadded (loop)", () => RunUnpadded(c, bundle, report, cancellationToken));
    }

    private static void RunLengths(ParityCase c, AudioLdm2Bundle bundle, ParityReport report)
    {
        if (!c.Expected.Has("lengths.table"))
        {
            return;
        }

        VocoderConfig vocoder = bundle.Decoder.Config.Vocoder;
        VaeConfig vae = bundle.Decoder.Config.Vae;
        double[] seconds = c.Expected.Double("lengths.seconds");
        report.Skip("lengths.seconds", "what lengths.table is computed from");
        List<long> table = [];
        bool isExact = true;
        foreach (double length in seconds)
        {
            int frames = AudioLdm2Plan.ReferenceFrames(length, vocoder);
            int rounded = AudioLdm2Plan.RoundUp(frames, vae.ScaleFactor);
            int kept = AudioLdm2Plan.ReferenceSamples(length, vocoder);
            table.AddRange([frames, rounded, rounded / vae.ScaleFactor, kept, vocoder.SampleCount(rounded)]);
            AudioLdm2Plan reference = AudioLdm2Plan.Create(vocoder, vae, TimeSpan.FromSeconds(length), Fidelity.Reference);
            isExact &= reference.LatentHeight == rounded / vae.ScaleFactor && reference.SampleCount == Math.Min(kept, vocoder.SampleCount(rounded));
            AudioLdm2Plan improved = AudioLdm2Plan.Create(vocoder, vae, TimeSpan.FromSeconds(length), Fidelity.Improved);
            isExact &= improved.SampleCount == (int)Math.Round(length * vocoder.SampleRate) && vocoder.SampleCount(improved.LatentHeight * vae.ScaleFactor) >= improved.SampleCount;
        }

        report.CompareExact("lengths.table", [.. table], [seconds.Length, 5]);
        report.Check("lengths (plans)", isExact, "a planned length is not the table's, or the improved one is short");
    }

    /// <summary>ddimN[.form].…: N steps of the checkpoint's scheduler from latents_single.</summary>
    private static void RunLoop(ParityCase c, AudioLdm2Bundle bundle, ParityReport report, string name, CancellationToken cancellationToken)
    {
        string[] words = name.Split('.');
        int steps = int.Parse(words[0].AsSpan("ddim".Length), CultureInfo.InvariantCulture);
        string form = words.Length > 1 ? words[1] : "";
        MusicDecoderRequest request = Request(c, "p0", Setting(c, "audio_length_in_s of ddim* and decode"), steps);
        switch (form)
        {
            case "":
                RunPlain(c, bundle, report, name, request, cancellationToken);
                break;
            case "no_guidance":
                Compare(c, report, $"{name}.last", Latents(c, bundle, request with { Options = request.Options with { GuidanceScale = 1 } }, "latents_single", cancellationToken));
                break;
            case "empty_negative":
                Compare(c, report, $"{name}.last", Latents(c, bundle, WithNegative(request, ""), "latents_single", cancellationToken));
                break;
            case "two_prompts":
                // batch [p0, p1] with negatives [the setting's, ""], latents [x, -x]: for us two requests.
                float[] first = Latents(c, bundle, request, "latents_single", cancellationToken)[^1];
                MusicDecoderRequest second = WithNegative(request with { Conditioning = new MusicConditioning { Caption = Prompt(c, "p1") } }, "");
                float[] other = Latents(c, bundle, second, "latents_single", cancellationToken, negate: true)[^1];
                report.Compare($"{name}.last", [.. first, .. other], c.Expected.Shape($"{name}.last"));
                break;
            default:
                throw new ParityException($"'{name}' is a form of the loop that this runner does not know.");
        }
    }

    private static void RunPlain(ParityCase c, AudioLdm2Bundle bundle, ParityReport report, string name, MusicDecoderRequest request, CancellationToken cancellationToken)
    {
        (DiffusionSettings settings, _) = bundle.Decoder.Plan(request);
        if (c.Expected.Has($"{name}.timesteps"))
        {
            report.CompareExact($"{name}.timesteps", [.. settings.Begin(1).Timesteps.ToArray().Select(time => (long)time)], [settings.Steps]);
        }

        List<float[]> samples = Latents(c, bundle, request, "latents_single", cancellationToken);
        foreach ((string stage, int index) in new[] { ("first", 0), ("middle", settings.Steps / 2), ("last", samples.Count - 1) })
        {
            if (c.Expected.Has($"{name}.{stage}"))
            {
                report.Compare($"{name}.{stage}", samples[Math.Min(index, samples.Count - 1)], c.Expected.Shape($"{name}.{stage}"));
            }
        }

        if (c.Expected.Has($"{name}.all"))
        {
            report.Compare($"{name}.all", [.. samples.SelectMany(sample => sample)], c.Expected.Shape($"{name}.all"));
        }

        if (c.Expected.Has($"{name}.unet_out"))
        {
            RunFirstPrediction(c, bundle, report, $"{name}.unet_out", request, cancellationToken);
        }
    }

    /// <summary>What the UNet says in the first step: both rows of guidance.</summary>
    private static void RunFirstPrediction(ParityCase c, AudioLdm2Bundle bundle, ParityReport report, string tensor, MusicDecoderRequest request, CancellationToken cancellationToken)
    {
        (DiffusionSettings settings, AudioLdm2Plan plan) = bundle.Decoder.Plan(request);
        UNetCondition condition = bundle.Decoder.Conditioner.Create(request, settings, cancellationToken);
        using UNetSession session = bundle.Decoder.UNet.Begin(condition, DiffusionLoop.Times(settings), 1, plan.LatentHeight, plan.LatentWidth, cancellationToken);
        c.Inputs.Float("latents_single").CopyTo(session.Sample);
        session.Run(0, cancellationToken);
        report.Compare(tensor, session.Output, c.Expected.Shape(tensor));
    }

    private static void RunEmbedding(ParityCase c, AudioLdm2Bundle bundle, ParityReport report, string tensor, CancellationToken cancellationToken)
    {
        // embedding.ddimN.last: the embeddings given, all positions visible, the negative prompt empty.
        int steps = int.Parse(tensor.Split('.')[1].AsSpan("ddim".Length), CultureInfo.InvariantCulture);
        MusicDecoderRequest request = WithNegative(Request(c, "p0", Setting(c, "audio_length_in_s of ddim* and decode"), steps), "");
        float[] embedding = [.. c.Inputs.Float("embed_prompt_embeds"), .. c.Inputs.Float("embed_generated_prompt_embeds")];
        request = request with
        {
            Conditioning = new MusicConditioning { Embedding = embedding },
            Options = request.Options with { Conditioning = MusicConditioningMode.Embedding },
        };
        Compare(c, report, tensor, Latents(c, bundle, request, "latents_single", cancellationToken));
    }

    /// <summary>Prompt to ranked waveforms, by the decoder's own stages, from the case's noise.</summary>
    private static void RunWhole(ParityCase c, AudioLdm2Bundle bundle, ParityReport report, CancellationToken cancellationToken)
    {
        if (!c.Expected.Has("whole.latents"))
        {
            return;
        }

        int waveforms = (int)Setting(c, "num_waveforms_per_prompt of whole");
        MusicDecoderRequest request = Request(c, "p0", Setting(c, "audio_length_in_s of whole"), (int)Setting(c, "steps of whole"), waveforms);
        AudioLdm2Decoder decoder = bundle.Decoder;
        (DiffusionSettings settings, AudioLdm2Plan plan) = decoder.Plan(request);
        UNetCondition condition = decoder.Conditioner.Create(request, settings, cancellationToken);
        float[] noise = c.Inputs.Float(c.Inputs.Names.First(name => name.StartsWith("latents", StringComparison.Ordinal) && c.Inputs.Shape(name).SequenceEqual(c.Expected.Shape("whole.latents"))));
        int length = noise.Length / waveforms;
        float[][] latents = decoder.Denoise(condition, settings, plan, seed: 0, sink: null, cancellationToken, i => noise.AsSpan(i * length, length).ToArray());
        report.Compare("whole.latents", Concat(latents), c.Expected.Shape("whole.latents"));
        float[][] mels = [.. latents.Select(sample => decoder.Vae.Decode(sample, 1, plan.LatentHeight, plan.LatentWidth, cancellationToken))];
        report.Compare("whole.mel", Concat(mels), c.Expected.Shape("whole.mel"));
        float[] untrimmed = decoder.Vocoder.Decode(mels[0], 1, cancellationToken);
        report.Compare("whole.waveform_untrimmed_of_0", untrimmed, FlatOr(c, "whole.waveform_untrimmed_of_0", untrimmed.Length));
        MusicCandidate[] ranked = decoder.Rank(request.Conditioning.Caption, decoder.Decode(latents, plan, sink: null, cancellationToken), seed: 0, cancellationToken);
        report.CompareExact("whole.order", [.. ranked.Select(candidate => (long)candidate.Index)], [ranked.Length]);
        report.Compare("whole.ranked_waveforms", Concat([.. ranked.Select(candidate => candidate.Audio.Samples.ToArray())]), c.Expected.Shape("whole.ranked_waveforms"));

        // The reference's score is the cosine times exp(logit_scale_t).
        double scale = ClapAudioConfig.From(bundle.Bundle).TextScale;
        float[] logits = [.. ranked.OrderBy(candidate => candidate.Index).Select(candidate => (float)(candidate.Score!.Value * scale))];
        report.Compare("whole.logits_per_text", logits, c.Expected.Shape("whole.logits_per_text"));
    }

    /// <summary>Captions of their own length, as diffusers' own pipeline has them: the distance to the padded run is on record.</summary>
    private static void RunUnpadded(ParityCase c, AudioLdm2Bundle bundle, ParityReport report, CancellationToken cancellationToken)
    {
        if (!c.Json.TryGetProperty("numbers", out JsonElement numbers))
        {
            return;
        }

        foreach ((Match key, JsonElement value) in numbers.EnumerateObject().Select(number => (OwnPipeline().Match(number.Name), number.Value)).Where(number => number.Item1.Success))
        {
            MusicDecoderRequest request = Request(c, "p0", Setting(c, "audio_length_in_s of ddim* and decode"), int.Parse(key.Groups[2].ValueSpan, CultureInfo.InvariantCulture));
            float[] own = Latents(c, bundle, request with { Fidelity = Fidelity.Reference with { PadCaption = false } }, "latents_single", cancellationToken)[^1];
            float[] padded = c.Expected.Float($"{key.Groups[1].Value}.last");
            TensorPrimitives.Subtract(own, padded, own);
            double difference = (double)Math.Abs(TensorPrimitives.MaxMagnitude(own)) / Math.Abs(TensorPrimitives.MaxMagnitude(padded));
            report.CheckValues($"unpadded.{key.Groups[1].Value}.relative_difference", [value.GetDouble()], [difference], new Tolerance(ToleranceRule.Relative, OfRecordedDifference));
        }
    }

    private static void Compare(ParityCase c, ParityReport report, string tensor, List<float[]> samples) => report.Compare(tensor, samples[^1], c.Expected.Shape(tensor));

    /// <summary>The latents after every step.</summary>
    private static List<float[]> Latents(ParityCase c, AudioLdm2Bundle bundle, MusicDecoderRequest request, string noise, CancellationToken cancellationToken, bool negate = false)
    {
        AudioLdm2Decoder decoder = bundle.Decoder;
        (DiffusionSettings settings, AudioLdm2Plan plan) = decoder.Plan(request);
        UNetCondition condition = decoder.Conditioner.Create(request, settings, cancellationToken);
        float[] start = c.Inputs.Float(noise);
        if (negate)
        {
            TensorPrimitives.Negate(start, start);
        }

        RecordingSink sink = new();
        decoder.Denoise(condition, settings with { PreviewInterval = 1 }, plan, seed: 0, sink, cancellationToken, _ => start);
        return sink.Latents;
    }

    private static MusicDecoderRequest Request(ParityCase c, string prompt, double seconds, int steps, int waveforms = 1) => new()
    {
        Conditioning = new MusicConditioning { Caption = Prompt(c, prompt) },
        Options = new MusicOptions
        {
            Duration = TimeSpan.FromSeconds(seconds),
            GuidanceScale = Setting(c, "guidance_scale"),
            Diffusion = new DiffusionOptions
            {
                Steps = steps,
                Eta = Setting(c, "eta"),
                NegativePrompt = c.Json.GetProperty("settings").GetProperty("negative_prompt").GetString(),
                WaveformsPerPrompt = waveforms,
            },
        },
        Fidelity = Fidelity.Reference,
    };

    private static MusicDecoderRequest WithNegative(MusicDecoderRequest request, string negative) =>
        request with { Options = request.Options with { Diffusion = request.Options.Diffusion with { NegativePrompt = negative } } };

    private static string Prompt(ParityCase c, string name) => c.Json.GetProperty("prompts").GetProperty(name).GetString()!;

    private static double Setting(ParityCase c, string name) => c.Json.GetProperty("settings").GetProperty(name).GetDouble();

    private static float[] Concat(float[][] rows) => [.. rows.SelectMany(row => row)];

    /// <summary>A single row may be stored with its batch dimension or without.</summary>
    private static long[] FlatOr(ParityCase c, string tensor, int length) => c.Expected.Shape(tensor) is { Length: 2 } shape && shape[0] == 1 && shape[1] == length ? shape : [length];

    [GeneratedRegex(@"^ddim\d+(\.(?!first$|middle$|last$|all$|timesteps$|unet_out$)\w+)?(?=\.)", RegexOptions.CultureInvariant)]
    private static partial Regex LoopName();

    [GeneratedRegex(@"own_pipeline_(ddim(\d+))_relative_difference$", RegexOptions.CultureInvariant)]
    private static partial Regex OwnPipeline();

    /// <summary>Keeps every preview.</summary>
    private sealed class RecordingSink : IMusicSink
    {
        public List<float[]> Latents { get; } = [];

        public void Write(AudioChunk chunk)
        {
        }

        public void Report(StageProgress progress)
        {
        }

        public void Preview(LatentPreview preview) => Latents.Add(preview.Latents.ToArray());
    }
}
