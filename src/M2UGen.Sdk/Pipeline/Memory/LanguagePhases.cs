using M2UGen.Sdk.Language;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>The stage <see cref="GenerationStage.Language"/>: the language model reads the prompt in pieces, then writes token by token.</summary>
internal static class LanguagePhases
{
    /// <summary>The phase.</summary>
    public static MemoryPhase Of(ModelBundle bundle, ComponentMemory memory, MemoryDemand demand)
    {
        BundleComponent component = bundle.Component(LanguageModel.Component);
        LlamaConfig config = LlamaConfig.From(component);
        int prompt = Math.Clamp(demand.PromptTokens, 1, config.ContextLength - 1);
        int filled = Math.Min(config.ContextLength, prompt + demand.NewTokens);

        // A cache that is kept for other prompts has room for the longest.
        int capacity = demand.CachedPrompts > 0 ? config.ContextLength : filled;
        int chunk = Math.Min(prompt, demand.PrefillChunkSize);

        // A second piece of the same size runs in a block that was planned from the first.
        int blocks = prompt >= 2 * chunk ? 2 : 1;
        long arena = (blocks * Arena(chunk)) + (2 * Arena(1));
        long cache = CacheBytes.Of(component, 1, filled);
        return new MemoryPhase(
            GenerationStage.Language,
            new Dictionary<string, long>(StringComparer.Ordinal) { [LanguageModel.Component] = arena + (demand.CachedPrompts * cache) },
            (demand.CachedPrompts > 0 ? 0 : cache) + (sizeof(float) * (long)(config.VocabularySize + (config.PrefixLayers * config.Dim))));

        long Arena(int tokens) => memory.ArenaOf(
            LanguageModel.Component,
            new Dictionary<string, long> { ["sequence_length"] = tokens, ["capacity"] = capacity },
            new Dictionary<string, long> { ["total_sequence_length"] = capacity });
    }
}
