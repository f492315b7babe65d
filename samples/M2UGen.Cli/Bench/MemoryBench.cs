using System.Text.Json.Nodes;
using M2UGen.Sdk;
using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Encoders.Mert;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Pipeline.Memory;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Cli.Bench;

/// <summary>The memory of one request that goes through everything the bundle has, next to what was predicted of it.</summary>
/// <remarks>It must come first: whatever else was measured before has left its traces in the process.</remarks>
internal static class MemoryBench
{
    private const ulong Seed = 1;
    private const int CaptionTokens = 32;
    private static readonly TimeSpan HeardSound = TimeSpan.FromSeconds(10);

    /// <summary>Loads and runs every stage once, all components kept.</summary>
    public static JsonObject Run(ModelBundle bundle, ModelSet models, BenchOptions options, CancellationToken cancellationToken)
    {
        MemoryPlanner planner = new(bundle);
        bool hasLanguage = bundle.Manifest.Components.ContainsKey(LanguageModel.Component);
        MediaEncoders? encoders = hasLanguage ? MediaEncoders.Open(bundle, models) : null;
        MusicOptions music = new() { Duration = options.Duration, Seed = Seed, Diffusion = new DiffusionOptions { Steps = 4, WaveformsPerPrompt = 2, Scheduler = DiffusionScheduler.Ddim } };
        MemoryDemand demand = new()
        {
            Answers = hasLanguage,
            PromptTokens = options.PromptTokens,
            NewTokens = options.NewTokens,
            CachedPrompts = 0,
            CaptionTokens = CaptionTokens,
            Audio = encoders is { HearsAudio: true } ? HeardSound : null,
            HasImage = encoders is { SeesImages: true },
            HasVideo = encoders is { SeesVideo: true },
            MediaBytes = 0,
            Music = music,
        };
        MemoryPlan plan = planner.Plan(demand, MemoryPolicy.KeepLoaded, budget: null);
        using ResidentMemory memory = new();
        using (encoders)
        {
            Encode(encoders, cancellationToken);
        }

        if (hasLanguage)
        {
            Answer(bundle, models, options, cancellationToken);
        }

        IMusicDecoder? decoder = bundle.Manifest.Components.ContainsKey(MusicGenConfig.DecoderComponent) ? MusicGenDecoder.Open(models, bundle)
            : bundle.Manifest.Components.ContainsKey(UNet.Component) ? AudioLdm2Decoder.Open(models, bundle, releaseStages: false)
            : null;
        decoder?.Generate(new MusicDecoderRequest { Conditioning = new MusicConditioning { Caption = options.Caption }, Options = music }, new NoSink(), cancellationToken);
        long? measured = memory.PeakAnonymousBytes;
        return new JsonObject
        {
            ["predicted_peak_bytes"] = plan.PeakBytes,
            ["measured_peak_bytes"] = measured,
            ["measured_to_predicted"] = (double?)measured / plan.PeakBytes,
            ["predicted_mapped_bytes"] = plan.PeakMappedBytes,
            ["measured_mapped_bytes"] = memory.PeakMappedBytes,
        };
    }

    private static void Encode(MediaEncoders? encoders, CancellationToken cancellationToken)
    {
        if (encoders?.Mert is { } mert)
        {
            // At the encoder's own rate, so that nothing is resampled.
            encoders.EncodeAudio(AudioClip.FromSamples(Noise((int)(HeardSound.TotalSeconds * mert.SampleRate)), mert.SampleRate), Fidelity.Improved, null, cancellationToken);
        }

        ImageFrame picture = ImageFrame.FromRgb(new byte[64 * 64 * 3], 64, 64);
        float[]? image = encoders is { SeesImages: true } ? encoders.EncodeImage(picture, cancellationToken) : null;
        float[]? video = encoders is { SeesVideo: true } ? encoders.EncodeVideo([.. Enumerable.Repeat(picture, encoders.VideoFrameCount)], cancellationToken) : null;
        encoders?.Prefix(new MediaFeatures { Audio = encoders.Mert is null ? null : OfLengthOne(encoders.Mert.Width), Image = image, Video = video }, null, cancellationToken);
    }

    private static void Answer(ModelBundle bundle, ModelSet models, BenchOptions options, CancellationToken cancellationToken)
    {
        LlamaConfig config = LanguageModel.Open(bundle, models).Config;
        int prompt = Math.Clamp(options.PromptTokens, 1, config.ContextLength - 1);
        int tokens = Math.Clamp(options.NewTokens, 1, config.ContextLength - prompt);
        using LlamaDecoder decoder = new(models.Get(LanguageModel.Component), config, prompt + tokens, new float[config.PrefixLayers * config.Dim]);
        decoder.Prefill([.. Enumerable.Range(0, prompt).Select(i => i % config.VocabularySize)], PipelineOptions.Default.PrefillChunkSize, cancellationToken);
        for (int i = 0; i < tokens; i++)
        {
            decoder.Step(i % config.VocabularySize, cancellationToken);
        }
    }

    private static float[] Noise(int samples)
    {
        Random random = new(1);
        return [.. Enumerable.Range(0, samples).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static float[] OfLengthOne(int width)
    {
        float[] feature = new float[width];
        feature[0] = 1;
        return feature;
    }

    private sealed class NoSink : IMusicSink
    {
        public void Write(AudioChunk chunk)
        {
        }

        public void Report(StageProgress progress)
        {
        }
    }
}
