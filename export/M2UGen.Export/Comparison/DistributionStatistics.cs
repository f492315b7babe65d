using System.Numerics.Tensors;

namespace M2UGen.Export.Comparison;

/// <summary>How far the distributions of one model are from those of another, over many positions.</summary>
internal sealed class DistributionStatistics
{
    private readonly List<double> _divergences = [];
    private int _agreements;

    /// <summary>Positions compared.</summary>
    public int Count => _divergences.Count;

    /// <summary>Mean of KL(reference ‖ other) in nats.</summary>
    public double MeanDivergence => Count == 0 ? 0 : _divergences.Average();

    /// <summary>Its median.</summary>
    public double MedianDivergence => Count == 0 ? 0 : _divergences.Order().ElementAt(Count / 2);

    /// <summary>The largest.</summary>
    public double LargestDivergence => Count == 0 ? 0 : _divergences.Max();

    /// <summary>Share of positions where both find the same most probable choice.</summary>
    public double Agreement => Count == 0 ? 1 : (double)_agreements / Count;

    /// <summary>Compares one position.</summary>
    /// <param name="reference">[choices] logits.</param>
    /// <param name="other">[choices] logits.</param>
    /// <returns>Whether both prefer the same choice.</returns>
    public bool Add(ReadOnlySpan<float> reference, ReadOnlySpan<float> other)
    {
        _divergences.Add(Divergence(reference, other));
        bool agrees = TensorPrimitives.IndexOfMax(reference) == TensorPrimitives.IndexOfMax(other);
        _agreements += agrees ? 1 : 0;
        return agrees;
    }

    /// <summary>Takes over what another one has gathered.</summary>
    public void Add(DistributionStatistics more)
    {
        _divergences.AddRange(more._divergences);
        _agreements += more._agreements;
    }

    /// <summary>Σ p (ln p - ln q) of the softmax distributions, in float64; never below zero.</summary>
    internal static double Divergence(ReadOnlySpan<float> reference, ReadOnlySpan<float> other)
    {
        double referenceSum = LogSum(reference);
        double otherSum = LogSum(other);
        double sum = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double logP = reference[i] - referenceSum;
            double logQ = other[i] - otherSum;
            double p = Math.Exp(logP);
            sum += p == 0 ? 0 : p * (logP - logQ);
        }

        return Math.Max(0, sum);
    }

    private static double LogSum(ReadOnlySpan<float> logits)
    {
        float largest = TensorPrimitives.Max(logits);
        double sum = 0;
        foreach (float logit in logits)
        {
            sum += Math.Exp((double)logit - largest);
        }

        return largest + Math.Log(sum);
    }
}
