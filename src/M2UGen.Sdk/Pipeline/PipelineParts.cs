using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Pipeline.Memory;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Pipeline;

/// <summary>What a bundle gave: each part may be absent, and is thread-safe.</summary>
internal sealed record PipelineParts
{
    public required PipelineIdentity Identity { get; init; }

    /// <summary>The language model, or null.</summary>
    public LanguageModel? Language { get; init; }

    /// <summary>The prompts that the language model keeps; cleared before its graph is freed.</summary>
    public PromptCache Prompts { get; init; } = PromptCache.None;

    /// <summary>What turns media into features and prefixes; null where the bundle has no encoder.</summary>
    public IMediaEncoders? Encoders { get; init; }

    /// <summary>The music decoder, or null.</summary>
    public IMusicDecoder? Music { get; init; }

    /// <summary>[tokens, dim] hidden states of the music tokens to the embedding that <see cref="MusicConditioning.Embedding"/> describes; null without a projector.</summary>
    public Func<float[], CancellationToken, float[]>? Project { get; init; }

    /// <summary>The bundle's graphs, for a memory policy that unloads them; null in tests.</summary>
    public ModelSet? Models { get; init; }

    /// <summary>Predicts what requests take of memory; null in tests.</summary>
    public MemoryPlanner? Planner { get; init; }

    /// <summary>Everything to free when the last request has ended.</summary>
    public IReadOnlyList<IDisposable> Owned { get; init; } = [];
}
