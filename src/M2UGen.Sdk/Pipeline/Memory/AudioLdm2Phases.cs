using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>The stages <see cref="GenerationStage.Music"/> and <see cref="GenerationStage.Decode"/> of an AudioLDM2: captions, diffusion, decoding of each candidate, ranking.</summary>
internal static class AudioLdm2Phases
{
    /// <summary>The phases.</summary>
    public static IEnumerable<MemoryPhase> Of(ModelBundle bundle, ComponentMemory memory, MemoryDemand demand, MusicOptions options)
    {
        AudioLdm2Config config = AudioLdm2Config.From(bundle);
        DiffusionSettings settings = DiffusionSettings.Of(config, options);
        AudioLdm2Plan plan = AudioLdm2Plan.Create(config.Vocoder, config.Vae, options.Duration ?? MusicOptions.DefaultDuration, demand.Fidelity);
        Gpt2Config language = Gpt2Config.From(bundle);
        MusicConditioningMode mode = options.Conditioning;
        bool embeds = mode != MusicConditioningMode.Caption;
        long caption = Math.Clamp(demand.CaptionTokens, 1, config.CaptionTokens);
        long prompt = embeds ? config.CaptionTokens : caption;
        long rows = settings.IsGuided ? 2 : 1;
        long latents = (long)plan.LatentHeight * plan.LatentWidth * sizeof(float);
        long waveforms = (long)settings.Waveforms * plan.SampleCount * sizeof(float);
        if (embeds && bundle.Manifest.Components.ContainsKey(OutputProjector.Component))
        {
            yield return Phase(GenerationStage.Music, 0, (OutputProjector.Component, memory.ArenaOf(OutputProjector.Component, Sizes(("tokens", LlamaTextTokenizer.AudioTokenCount)))));
        }

        long read = ProjectionModel.RowsBefore + caption + ProjectionModel.RowsBehind;
        if (mode != MusicConditioningMode.Embedding || settings.IsGuided)
        {
            yield return Phase(
                GenerationStage.Music,
                CacheBytes.Of(bundle.Component(Gpt2LanguageModel.Component), 1, read + language.NewTokens),
                (ClapTextEncoder.Component, memory.ArenaOf(ClapTextEncoder.Component, Sizes(("tokens", caption)))),
                (MusicGenConfig.TextComponent, memory.ArenaOf(MusicGenConfig.TextComponent, Sizes(("tokens", caption)))),
                (ProjectionModel.Component, memory.ArenaOf(ProjectionModel.Component, Sizes(("clap_tokens", 1), ("t5_tokens", caption)))),
                (Gpt2LanguageModel.Component, memory.ArenaOf(
                    Gpt2LanguageModel.Component,
                    Sizes(("tokens", read), ("capacity", read + language.NewTokens)),
                    new Dictionary<string, long> { ["total_sequence_length"] = read })));
        }

        int steps = DiffusionLoop.Times(settings).Length;
        long conditions = UNetConditions(bundle, rows, language.NewTokens * (mode == MusicConditioningMode.Both ? 2 : 1), prompt);
        Dictionary<string, long> unet = Sizes(("samples", 1), ("batch", rows), ("height", plan.LatentHeight), ("width", plan.LatentWidth), ("generated", language.NewTokens), ("prompt", prompt));
        long condition = memory.ArenaOf(UNet.ConditionComponent, unet);
        yield return Phase(
            GenerationStage.Music,
            (latents * config.UNet.InChannels * (settings.Waveforms + 8)) + conditions,
            (UNet.TimeComponent, memory.ArenaOf(UNet.TimeComponent, Sizes(("steps", steps)))),
            (UNet.ConditionComponent, Math.Max(0, condition - conditions)),
            (UNet.Component, memory.ArenaOf(UNet.Component, unet)));

        long frames = (long)plan.LatentHeight * config.Vae.ScaleFactor;
        yield return Phase(
            GenerationStage.Decode,
            waveforms + (2 * sizeof(float) * frames * config.Vocoder.MelBins),
            (VaeDecoder.Component, memory.ArenaOf(VaeDecoder.Component, Sizes(("height", plan.LatentHeight), ("width", plan.LatentWidth)))),
            (HifiGanVocoder.Component, memory.ArenaOf(HifiGanVocoder.Component, Sizes(("frames", frames)))));

        if (settings.Waveforms > 1 && mode != MusicConditioningMode.Embedding && bundle.Manifest.Components.ContainsKey(ClapAudioEncoder.Component))
        {
            ClapFeatureConfig heard = ClapFeatureConfig.From(bundle);
            yield return Phase(
                GenerationStage.Decode,
                waveforms + (4L * sizeof(float) * heard.MaxSamples),
                (ClapTextEncoder.Component, memory.ArenaOf(ClapTextEncoder.Component, Sizes(("tokens", caption)))),
                (ClapAudioEncoder.Component, memory.ArenaOf(ClapAudioEncoder.Component, Sizes(("frames", heard.Frames)))));
        }

        static MemoryPhase Phase(GenerationStage stage, long working, params (string Component, long Arena)[] components) =>
            new(stage, components.ToDictionary(part => part.Component, part => part.Arena, StringComparer.Ordinal), working);
    }

    /// <summary>Keys and values of every cross attention.</summary>
    private static long UNetConditions(ModelBundle bundle, long rows, long generated, long prompt)
    {
        Dictionary<string, long> sizes = Sizes(("batch", rows), ("generated", generated), ("prompt", prompt));
        return bundle.Component(UNet.ConditionComponent).Outputs.Sum(output =>
            output.Dimensions.Aggregate((long)sizeof(float), (product, dimension) => product * (dimension.Symbol is { } symbol ? sizes.GetValueOrDefault(symbol, 1) : dimension.Size)));
    }

    private static Dictionary<string, long> Sizes(params (string Name, long Size)[] sizes) => sizes.ToDictionary(size => size.Name, size => size.Size, StringComparer.Ordinal);
}
