using System.Text.Json;
using M2UGen.Sdk.Media.Audio;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>The rows of kind audioldm2 before the UNet and behind the vocoder: tokenizers, both text encoders, projection, GPT-2, and the scores of given sounds.</summary>
/// <remarks>What the SDK computes without padding is compared as it computes it; rows that hold padding come from padded runs of the same graphs.</remarks>
internal static class AudioLdm2TextRows
{
    /// <summary>Compares all of them.</summary>
    public static void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        string checkpoint = c.HasFile("checkpoint") ? c.FileOf("checkpoint") : c.Resolve("checkpoint");
        Dictionary<string, string> prompts = c.Json.GetProperty("prompts").EnumerateObject().ToDictionary(prompt => prompt.Name, prompt => prompt.Value.GetString()!);
        using AudioLdm2TextParts parts = new(c, checkpoint);
        using AudioLdm2TextParts tapped = new(c, checkpoint, "*");
        Dictionary<string, CaptionStates> padded = [];
        foreach ((string name, string text) in prompts)
        {
            report.Row($"{name} (text)", () => padded[name] = ComparePrompt(c, report, name, text, parts, tapped, cancellationToken));
        }

        report.Row("cfg (text)", () => CompareGuidance(c, report, prompts, padded));
        report.Row("prompts_only (text)", () => CompareBatch(c, report, padded));
        report.Row("clap_audio", () => CompareScores(c, report, checkpoint, prompts, parts, cancellationToken));
    }

    /// <summary>One prompt through every part; returns what the UNet listens to, padding included.</summary>
    private static CaptionStates ComparePrompt(ParityCase c, ParityReport report, string name, string text, AudioLdm2TextParts parts, AudioLdm2TextParts tapped, CancellationToken cancellationToken)
    {
        (long[] ids, long[] mask) = parts.ClapText.Tokenize(text, parts.ClapText.MaxTokens);
        report.CompareExact($"{name}.roberta.input_ids", ids, [ids.Length]);
        report.CompareExact($"{name}.roberta.attention_mask", mask, [mask.Length]);
        float[] features = parts.ClapText.Encode(text, cancellationToken);
        report.Compare($"{name}.clap_text.features", features, [features.Length]);
        CompareClapStages(c, report, name, ids, mask, tapped, cancellationToken);

        int length = parts.T5Text.MaxTokens;
        (long[] t5Ids, long[] t5Mask) = parts.T5Text.Tokenize(text, length);
        report.CompareExact($"{name}.t5.input_ids", t5Ids, [length]);
        report.CompareExact($"{name}.t5.attention_mask", t5Mask, [length]);
        ConditioningRows states = parts.T5Text.Encode(t5Ids, t5Mask, 1, cancellationToken);
        report.Compare($"{name}.t5.hidden_states", states.States, [length, states.Width]);

        ConditioningRows rows = parts.ProjectionModel.Project(features, states, cancellationToken);
        report.Compare($"{name}.projection.hidden_states", rows.States, [rows.Length, rows.Width]);
        report.CompareExact($"{name}.projection.attention_mask", rows.Mask, [rows.Length]);
        CompareLanguageStates(report, name, rows, tapped, cancellationToken);

        // As the SDK runs it: without padding, at the positions of padded text.
        CaptionStates own = parts.Encoder.Encode(text, length, cancellationToken);
        report.Compare($"{name}.generated_prompt_embeds", own.Generated.Span, [parts.Encoder.Vectors, parts.Encoder.GeneratedWidth]);
        CaptionStates padded = parts.Encoder.Encode(text, length, computePadding: true, cancellationToken);
        report.CheckValues(
            $"{name}.generated_prompt_embeds (padding computed)",
            c.Expected.Double($"{name}.generated_prompt_embeds"),
            Array.ConvertAll(padded.Generated.ToArray(), value => (double)value),
            c.Tolerances.Of($"{name}.generated_prompt_embeds"));
        return padded;
    }

    /// <summary>CLAP's stages of a padded text.</summary>
    private static void CompareClapStages(ParityCase c, ParityReport report, string name, long[] ids, long[] mask, AudioLdm2TextParts tapped, CancellationToken cancellationToken)
    {
        using NativeTensor inputIds = NativeTensor.Of<long>(ids, 1, ids.Length);
        using NativeTensor attentionMask = NativeTensor.Of<long>(mask, 1, mask.Length);
        Dictionary<string, (float[] Values, long[] Shape)> outputs = tapped.Clap.Run(ClapTextEncoder.Component, cancellationToken, ("input_ids", inputIds), ("attention_mask", attentionMask));
        foreach (string stage in (string[])["last_hidden_state", "pooled", "projected"])
        {
            DiffusionParts.Compare(c, report, $"{name}.clap_text.", new Dictionary<string, (float[], long[])> { [stage] = (outputs[stage].Values, outputs[stage].Shape[1..]) });
        }

        string features = $"{name}.clap_text.features";
        report.CheckValues($"{features} (padding computed)", c.Expected.Double(features), Array.ConvertAll(outputs["text_embeds"].Values, value => (double)value), c.Tolerances.Of(features));
    }

    /// <summary>GPT-2's states of all rows of a padded prompt.</summary>
    private static void CompareLanguageStates(ParityReport report, string name, ConditioningRows rows, AudioLdm2TextParts tapped, CancellationToken cancellationToken)
    {
        Gpt2Config config = tapped.LanguageModel.Config;
        int length = rows.Length;
        IOnnxModel model = tapped.Gpt2.Models.Get(Gpt2LanguageModel.Component);
        using KVCache cache = new(model, config.Layers, 1, config.Heads, length, config.HeadSize);
        using NativeTensor embeds = NativeTensor.Of<float>(rows.States, 1, length, rows.Width);
        using NativeTensor positions = NativeTensor.Of<long>([.. Enumerable.Range(0, length).Select(i => (long)i)], 1, length);
        using NativeTensor mask = NativeTensor.Of<long>(rows.Mask, 1, length);
        using NativeTensor lastIndex = NativeTensor.Of<int>([length - 1], 1);
        using NativeTensor total = NativeTensor.Of<int>([length]);
        using IModelRun run = model.CreateRun();
        run.BindInput("inputs_embeds", embeds);
        run.BindInput("position_ids", positions);
        run.BindInput("attention_mask", mask);
        run.BindInput("seqlens_k", lastIndex);
        run.BindInput("total_sequence_length", total);
        cache.Bind(run);
        foreach (TensorSpec output in model.Description.Outputs.Where(output => !output.Name.StartsWith("present.", StringComparison.Ordinal)))
        {
            run.BindOutputToAllocated(output.Name);
        }

        run.Run(cancellationToken);
        using NativeTensor states = run.TakeOutput("last_hidden_state");
        report.Compare($"{name}.gpt2.last_hidden_state_of_prompt", states.AsSpan<float>(), [length, rows.Width]);
    }

    /// <summary>The batch that guidance runs: the negative prompt, then the prompt.</summary>
    private static void CompareGuidance(ParityCase c, ParityReport report, Dictionary<string, string> prompts, Dictionary<string, CaptionStates> padded)
    {
        JsonElement settings = c.Json.GetProperty("settings");
        string negative = prompts.First(prompt => prompt.Value == settings.GetProperty("negative_prompt").GetString()).Key;
        string positive = settings.EnumerateObject().First(setting => setting.Name.StartsWith("prompt of", StringComparison.Ordinal)).Value.GetString()!;
        UNetCondition condition = CaptionStates.Stack(padded[negative], padded[positive]);
        long[] prompt = c.Expected.Shape("cfg.prompt_embeds");
        report.Compare("cfg.prompt_embeds", condition.PromptEmbeds.Span, prompt);
        report.CompareExact("cfg.attention_mask", condition.AttentionMask.Span, prompt.AsSpan(0, 2));
        report.Compare("cfg.generated_prompt_embeds", condition.GeneratedPromptEmbeds.Span, c.Expected.Shape("cfg.generated_prompt_embeds"));
    }

    /// <summary>The reference's batch of prompts, whose rows do not depend on one another: <c>prompts_only.*</c>, the prompts in the order p0, p1, ….</summary>
    private static void CompareBatch(ParityCase c, ParityReport report, Dictionary<string, CaptionStates> padded)
    {
        const string Tensor = "prompts_only.generated_prompt_embeds";
        if (c.Expected.Has(Tensor))
        {
            long[] shape = c.Expected.Shape(Tensor);
            float[] all = [.. Enumerable.Range(0, (int)shape[0]).SelectMany(i => padded[$"p{i}"].Generated.ToArray())];
            report.Compare(Tensor, all, shape);
        }
    }

    /// <summary>The scores of given sounds, and each step towards them.</summary>
    private static void CompareScores(ParityCase c, ParityReport report, string checkpoint, Dictionary<string, string> prompts, AudioLdm2TextParts parts, CancellationToken cancellationToken)
    {
        long[] size = c.Inputs.Shape("clap_waveforms_16k");
        float[] samples = c.Inputs.Float("clap_waveforms_16k");
        float[][] waveforms = [.. samples.Chunk((int)size[1])];
        int sampleRate = Export.Configs.HifiGanConfig.Read(Path.Combine(checkpoint, "vocoder", "config.json")).SampleRate;
        ClapFeatureConfig config = parts.Features.Config;
        float[] resampled = new KaiserResampler(sampleRate, config.SampleRate).Resample(waveforms[0]);
        report.Compare("clap_audio.resampled_48k_of_0", resampled, [resampled.Length]);
        ClapFeatures features = parts.Features.Extract(resampled, ClapDraws.Seeded(0, 0));
        report.Compare("clap_audio.input_features_of_0", features.Values, [features.Channels, features.Frames, features.Bins]);

        ClapRanker ranker = new(parts.ClapText, parts.ClapAudio, parts.Features);
        KaiserResampler resampler = new(sampleRate, config.SampleRate);
        float[][] heard = [.. waveforms.Select((waveform, i) => ranker.Embed(resampler.Resample(waveform), ClapDraws.Seeded(0, i), cancellationToken))];
        int count = heard.Length;
        report.Compare("clap_audio.features", heard.SelectMany(embedding => embedding).ToArray(), [count, parts.ClapAudio.Config.Width]);
        string first = prompts.Keys.First();
        double[] scores = ranker.Score(prompts[first], waveforms, sampleRate, seed: 0, cancellationToken);
        report.Compare("clap_audio.logits_per_text", Scaled(scores, parts.ClapAudio.Config.TextScale), [1, count]);
        report.Compare("clap_audio.logits_per_audio", Scaled(scores, parts.ClapAudio.Config.AudioScale), [count, 1]);
        report.CompareExact("clap_audio.order", Order(scores), [count]);
        if (!c.Expected.Has("clap_audio.two_prompts.logits_per_text"))
        {
            return;
        }

        // The reference lets every prompt choose among the candidates of all prompts; so is this row made, though ours never does.
        float[][] all = [.. waveforms, .. waveforms.Select(waveform => waveform.Reverse().Select(sample => 0.7f * sample).ToArray())];
        double[][] both = [.. prompts.Values.Take(2).Select(prompt => ranker.Score(prompt, all, sampleRate, seed: 0, cancellationToken))];
        report.Compare("clap_audio.two_prompts.logits_per_text", both.SelectMany(row => Scaled(row, parts.ClapAudio.Config.TextScale)).ToArray(), [2, all.Length]);
        report.CompareExact("clap_audio.two_prompts.indices", both.SelectMany(row => Order(row)[..count]).ToArray(), [2, count]);
    }

    private static float[] Scaled(double[] scores, double scale) => Array.ConvertAll(scores, score => (float)(score * scale));

    private static long[] Order(double[] scores) => [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).Select(i => (long)i)];
}
