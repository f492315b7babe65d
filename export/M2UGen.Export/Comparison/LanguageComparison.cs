using System.Numerics.Tensors;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Comparison;

/// <summary>Two LLaMAs over the same tokens: the reference's own greedy answers to some prompts, read by both.</summary>
internal sealed record LanguageComparison
{
    /// <summary>Next-token distributions behind the prompt and behind every token of the answers.</summary>
    public DistributionStatistics Tokens { get; } = new();

    /// <summary>For each prompt the first token of the answer at which the other model, left to itself, would have chosen differently; null where there is none.</summary>
    public List<int?> FirstDifferences { get; } = [];

    /// <summary>The hidden state before the final norm, and inner stages where both bundles have them as outputs.</summary>
    public LayerErrors Layers { get; } = new();

    /// <summary>Compares.</summary>
    /// <param name="reference">The bundle that answers.</param>
    /// <param name="other">The bundle that is judged.</param>
    /// <param name="prompts">Instructions.</param>
    /// <param name="tokens">Tokens of each answer.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ExportException">The two are not of one model.</exception>
    public static LanguageComparison Run(ComparedBundle reference, ComparedBundle other, IReadOnlyList<string> prompts, int tokens, CancellationToken cancellationToken)
    {
        LlamaConfig config = reference.Language!.Config;
        LlamaConfig others = other.Language!.Config;
        if ((config.VocabularySize, config.Layers, config.Dim, config.PrefixLayers) != (others.VocabularySize, others.Layers, others.Dim, others.PrefixLayers))
        {
            throw new ExportException(other.Bundle.Directory, $"'{other.Bundle.Directory}' has a LLaMA of {others.Layers} layers of {others.Dim} and {others.VocabularySize} tokens, '{reference.Bundle.Directory}' one of {config.Layers} of {config.Dim} and {config.VocabularySize}. Compare two exports of one checkpoint.");
        }

        LanguageComparison comparison = new();
        foreach (string prompt in prompts)
        {
            int[] ids = reference.Language.Tokenizer.Encode(PromptTemplate.Format(prompt));
            int length = Math.Min(tokens, Math.Min(config.ContextLength, others.ContextLength) - ids.Length);
            if (length < 1)
            {
                throw new ExportException(reference.Bundle.Directory, $"A prompt has {ids.Length} tokens and leaves no room in the context of {Math.Min(config.ContextLength, others.ContextLength)}. Give a shorter one.");
            }

            comparison.Run(reference, other, ids, length, cancellationToken);
        }

        return comparison;
    }

    private void Run(ComparedBundle reference, ComparedBundle other, int[] prompt, int length, CancellationToken cancellationToken)
    {
        using LlamaProbe first = new(reference, prompt.Length + length);
        using LlamaProbe second = new(other, prompt.Length + length);
        int[] fed = prompt;
        int? difference = null;
        for (int i = 0; i < length; i++)
        {
            IReadOnlyDictionary<string, float[]> expected = first.Feed(fed, cancellationToken);
            IReadOnlyDictionary<string, float[]> found = second.Feed(fed, cancellationToken);
            if (!Tokens.Add(expected["logits"], found["logits"]))
            {
                difference ??= i;
            }

            foreach ((string stage, float[] values) in expected)
            {
                if (stage != "logits" && found.TryGetValue(stage, out float[]? others))
                {
                    Layers.Add(stage, values, others);
                }
            }

            fed = [TensorPrimitives.IndexOfMax<float>(expected["logits"])];
        }

        FirstDifferences.Add(difference);
    }

    private sealed class LlamaProbe : IDisposable
    {
        private readonly CachedProbe _probe;
        private readonly NativeTensor _prefix;

        public LlamaProbe(ComparedBundle bundle, int capacity)
        {
            LlamaConfig config = bundle.Language!.Config;
            _probe = new CachedProbe(bundle.Model(LanguageModel.Component), new KVCache(config.Cache, 1, capacity), rows: 1);
            _prefix = NativeTensor.Of<float>(bundle.Bundle.ReadTensor(LanguageModel.TextPrefix), config.PrefixLayers, config.Dim);
        }

        public IReadOnlyDictionary<string, float[]> Feed(int[] ids, CancellationToken cancellationToken)
        {
            using NativeTensor inputIds = NativeTensor.Of<long>(Array.ConvertAll(ids, id => (long)id), 1, ids.Length);
            return _probe.Feed(ids.Length, run =>
            {
                run.BindInput("input_ids", inputIds);
                run.BindInput("prefix", _prefix);
            }, cancellationToken);
        }

        public void Dispose()
        {
            _probe.Dispose();
            _prefix.Dispose();
        }
    }
}
