using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>The stage <see cref="GenerationStage.Music"/> of a MusicGen: caption, sound to go on from, conditioning, then the token loop with the codec beside it.</summary>
internal static class MusicGenPhases
{
    // What the caller reads and what the result keeps, and one more while a file or a chunk is written from it.
    private const int CopiesOfSound = 3;

    /// <summary>The phases.</summary>
    /// <remarks>A MusicGen frees nothing on its own before the piece is done, so all phases but the first go on with what is loaded.</remarks>
    public static IEnumerable<MemoryPhase> Of(ModelBundle bundle, ComponentMemory memory, MemoryDemand demand, MusicOptions options) =>
        Parts(bundle, memory, demand, options).Select((phase, index) => phase with { BeginsStage = index == 0 });

    private static IEnumerable<MemoryPhase> Parts(ModelBundle bundle, ComponentMemory memory, MemoryDemand demand, MusicOptions options)
    {
        MusicGenConfig config = MusicGenConfig.From(bundle);
        EncodecConfig codec = config.Codec;
        MusicConditioningMode mode = options.Conditioning;
        int caption = Math.Clamp(demand.Fidelity.PadCaption ? config.PaddedCaptionTokens : demand.CaptionTokens, 1, config.MaxCaptionTokens);

        // The projector's embedding is a padded caption's.
        int text = (mode == MusicConditioningMode.Embedding ? 0 : caption) + (mode == MusicConditioningMode.Caption ? 0 : config.PaddedCaptionTokens);
        int prefix = config.Chroma is { } chroma ? chroma.ChromaLength + text : 0;
        int promptFrames = demand.AudioPrompt is { } sound ? (int)Math.Ceiling(sound.TotalSeconds * codec.SampleRate / codec.SamplesPerFrame) : 0;
        MusicGenPlan plan = MusicGenPlan.Create(config, options, demand.Fidelity, promptFrames, prefix);
        bool guided = CodebookGenerator.IsGuided(options.GuidanceScale ?? config.Defaults.GuidanceScale);
        long pieces = demand.Pieces;
        long rows = (guided ? 2 : 1) * pieces;
        long output = pieces * CopiesOfSound * sizeof(float) * plan.SampleCount * config.Channels;
        if (mode != MusicConditioningMode.Caption && bundle.Manifest.Components.ContainsKey(OutputProjector.Component))
        {
            yield return Phase(0, (OutputProjector.Component, memory.ArenaOf(OutputProjector.Component, Sizes(("tokens", LlamaTextTokenizer.AudioTokenCount)))));
        }

        if (mode != MusicConditioningMode.Embedding)
        {
            yield return Phase(0, (MusicGenConfig.TextComponent, memory.ArenaOf(MusicGenConfig.TextComponent, Sizes(("tokens", caption)))));
        }

        if (promptFrames > 0 && bundle.Manifest.Components.ContainsKey(EncodecConfig.EncoderComponent))
        {
            long samples = (long)Math.Min(promptFrames, new EncodecEncoder(null!, codec).MaxFramesPerCall) * codec.SamplesPerFrame;
            long prompt = 2L * sizeof(float) * promptFrames * codec.SamplesPerFrame * config.Channels;
            yield return Phase(prompt, (EncodecConfig.EncoderComponent, memory.ArenaOf(EncodecConfig.EncoderComponent, Sizes(("batch", config.Channels), ("samples", samples)))));
        }

        long conditionRows = config.IsMelody ? rows : pieces;
        long condition = memory.ArenaOf(MusicGenConfig.ConditionComponent, Sizes(("batch", conditionRows), ("text", text)));
        long bound = ConditionBytes(config, conditionRows, text, prefix);
        yield return Phase(output + bound, (EncodecConfig.DecoderComponent, 0), (MusicGenConfig.ConditionComponent, Math.Max(0, condition - bound)));

        int positions = prefix + plan.FedCodes;
        long cache = CacheBytes.Of(bundle.Component(MusicGenConfig.DecoderComponent), rows, positions);
        long step = DecoderArena(1, 1, positions);
        long begin = prefix + promptFrames == 0 ? 0 : DecoderArena(1 + promptFrames, prefix + 1 + promptFrames, prefix + 1 + promptFrames);
        yield return Phase(output + bound + cache, (MusicGenConfig.DecoderComponent, begin + (2 * step)), (EncodecConfig.DecoderComponent, CodecArena(memory, config, plan)));

        long DecoderArena(int tokens, int positionsFed, int total) => memory.ArenaOf(
            MusicGenConfig.DecoderComponent,
            Sizes(("batch", rows), ("cross_batch", pieces), ("sequence", tokens), ("positions", positionsFed), ("capacity", total), ("text", text), ("prefix", positionsFed - tokens)),
            new Dictionary<string, long> { ["total_sequence_length"] = total });

        static MemoryPhase Phase(long working, params (string Component, long Arena)[] components) =>
            new(GenerationStage.Music, components.ToDictionary(part => part.Component, part => part.Arena, StringComparer.Ordinal), working);
    }

    /// <summary>A second of sound at a time comes out of the codec, with what it looks at on both sides.</summary>
    private static long CodecArena(ComponentMemory memory, MusicGenConfig config, MusicGenPlan plan)
    {
        EncodecConfig codec = config.Codec;
        int second = Math.Max(1, codec.SampleRate / codec.SamplesPerFrame);
        int frames = Math.Min(plan.FrameCount, second + codec.FirstRight + codec.ContextRight) + codec.FirstLeft;
        return memory.ArenaOf(
            EncodecConfig.DecoderComponent,
            Sizes(("batch", config.Channels), ("frames", frames), ("context", codec.ContextLeft + codec.ContextRight)),
            new Dictionary<string, long> { ["drop_left"] = codec.FirstLeft, ["drop_right"] = codec.FirstRight });
    }

    /// <summary>Keys and values of every cross attention, or a melody model's prefix: memory of the request.</summary>
    private static long ConditionBytes(MusicGenConfig config, long rows, long text, long prefix) => sizeof(float) * rows * (config.IsMelody
        ? prefix * config.HiddenSize
        : 2 * config.Layers * config.Heads * text * config.CrossHeadSize);

    private static Dictionary<string, long> Sizes(params (string Name, long Size)[] sizes) => sizes.ToDictionary(size => size.Name, size => size.Size, StringComparer.Ordinal);
}
