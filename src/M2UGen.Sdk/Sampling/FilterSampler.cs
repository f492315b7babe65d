using System.Numerics.Tensors;

namespace M2UGen.Sdk.Sampling;

/// <summary>Applies filters in the given order and draws from the softmax of what is left. One instance a request; no allocation per call.</summary>
internal sealed class FilterSampler(params LogitsFilter[] filters) : ITokenSampler
{
    private readonly CandidateSet _candidates = new();

    /// <inheritdoc/>
    public int Sample(ReadOnlySpan<float> logits, ref CounterRandom random)
    {
        Filter(logits);
        return _candidates.Draw(random.NextDouble());
    }

    /// <inheritdoc/>
    public void Probabilities(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        Filter(logits);
        probabilities[..logits.Length].Clear();
        _candidates.Scatter(probabilities);
    }

    private void Filter(ReadOnlySpan<float> logits)
    {
        if (logits.IsEmpty)
        {
            throw new ArgumentException("There are no logits to draw from.", nameof(logits));
        }

        GreedySampler.ThrowIfUnusable(TensorPrimitives.Max(logits));
        _candidates.Load(logits);
        foreach (LogitsFilter filter in filters)
        {
            switch (filter.Kind)
            {
                case LogitsFilterKind.Temperature:
                    _candidates.DivideBy((float)filter.Value);
                    break;
                case LogitsFilterKind.TopK:
                    _candidates.KeepLargest((int)filter.Value);
                    break;
                case LogitsFilterKind.TopPByMassBefore:
                    _candidates.KeepWhileMassBefore((float)filter.Value);
                    break;
                case LogitsFilterKind.TopPByTailMass:
                    _candidates.DropTailMass((float)(1 - filter.Value));
                    break;
                case LogitsFilterKind.MinP:
                    _candidates.KeepShareOfLargest((float)filter.Value);
                    break;
                default:
                    _candidates.KeepTypical((float)filter.Value);
                    break;
            }
        }
    }
}
