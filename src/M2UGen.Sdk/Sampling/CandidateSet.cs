using System.Numerics.Tensors;

namespace M2UGen.Sdk.Sampling;

/// <summary>
/// The tokens that can still be drawn, with their scores, in buffers that are reused. All comparisons are made in float32 on float32
/// sums accumulated in float64, as torch makes them on a CPU, so that borders fall on the same token.
/// </summary>
internal sealed class CandidateSet
{
    private float[] _scores = [];
    private float[] _probabilities = [];
    private int[] _ids = [];
    private ulong[] _keys = [];
    private int _count;

    private Span<float> Scores => _scores.AsSpan(0, _count);

    /// <summary>Starts with all tokens that are not excluded by negative infinity.</summary>
    public void Load(ReadOnlySpan<float> logits)
    {
        if (_scores.Length < logits.Length)
        {
            _scores = new float[logits.Length];
            _probabilities = new float[logits.Length];
            _ids = new int[logits.Length];
            _keys = new ulong[logits.Length];
        }

        _count = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            _scores[_count] = logits[id];
            _ids[_count] = id;
            _count += logits[id] > float.NegativeInfinity ? 1 : 0;
        }
    }

    /// <summary>Temperature.</summary>
    public void DivideBy(float temperature)
    {
        float max = TensorPrimitives.Max(Scores);
        if (!float.IsFinite(max / temperature))
        {
            // Colder than float32 can say: only the largest scores are left to draw.
            Compact(Scores, max);
            Scores.Clear();
            return;
        }

        TensorPrimitives.Divide(Scores, temperature, Scores);
    }

    /// <summary>Top-k: everything at least as large as the k-th largest score stays (transformers TopKLogitsWarper).</summary>
    public void KeepLargest(int k)
    {
        if (k < _count)
        {
            Span<float> work = _probabilities.AsSpan(0, _count);
            Scores.CopyTo(work);
            Compact(Scores, Selection.KthLargest(work, k));
        }
    }

    /// <summary>Top-p of the reference: descending, a token stays while the mass before it is at most <paramref name="p"/>.</summary>
    public void KeepWhileMassBefore(float p)
    {
        ReadOnlySpan<float> probabilities = Softmax();
        int sorted = SortDescending(probabilities, negligible: 1 - p);
        double mass = 0;
        int kept = 0;
        for (; kept < sorted; kept++)
        {
            float own = Probability(_keys[kept]);
            mass += own;
            if ((float)mass - own > p)
            {
                break;
            }
        }

        KeepKeys(0, kept);
    }

    /// <summary>Top-p of transformers: ascending, tokens go while their cumulative mass is at most <paramref name="tail"/>; one always stays.</summary>
    public void DropTailMass(float tail)
    {
        ReadOnlySpan<float> probabilities = Softmax();
        int sorted = SortDescending(probabilities, negligible: tail);

        // What the sort left out is smaller than all the rest and goes whole: its mass is the start of the ascending sum.
        double mass = 0;
        if (sorted < _count)
        {
            float least = Probability(_keys[sorted - 1]);
            foreach (float probability in probabilities)
            {
                mass += probability < least ? probability : 0;
            }
        }

        int kept = sorted;
        while (kept > 1)
        {
            mass += Probability(_keys[kept - 1]);
            if ((float)mass > tail)
            {
                break;
            }

            kept--;
        }

        KeepKeys(0, kept);
    }

    /// <summary>Min-p: drops what is less probable than <paramref name="share"/> of the most probable token.</summary>
    public void KeepShareOfLargest(float share)
    {
        ReadOnlySpan<float> probabilities = Softmax();
        Compact(probabilities, share * TensorPrimitives.Max(probabilities));
    }

    /// <summary>Locally typical sampling: nearest to the entropy first, up to the first token where the mass reaches <paramref name="mass"/>.</summary>
    /// <remarks>Meister et al., arXiv:2202.00666; transformers TypicalLogitsWarper. Tokens tied with the last one stay.</remarks>
    public void KeepTypical(float mass)
    {
        ReadOnlySpan<float> probabilities = Softmax();
        float max = TensorPrimitives.Max(Scores);
        double sum = 0;
        foreach (float score in Scores)
        {
            sum += MathF.Exp(score - max);
        }

        float logSum = (float)Math.Log(sum);
        double entropySum = 0;
        foreach (float score in Scores)
        {
            float logProbability = score - max - logSum;
            float probability = MathF.Exp(logProbability);
            entropySum -= probability > 0 ? (double)logProbability * probability : 0;
        }

        float entropy = (float)entropySum;
        for (int i = 0; i < _count; i++)
        {
            float distance = MathF.Abs(-(_scores[i] - max - logSum) - entropy);
            _keys[i] = ((ulong)BitConverter.SingleToUInt32Bits(distance) << 32) | (uint)i;
        }

        Span<ulong> keys = _keys.AsSpan(0, _count);
        keys.Sort();
        double cumulative = 0;
        int last = 0;
        foreach (ulong key in keys)
        {
            cumulative += probabilities[(int)(uint)key];
            if ((float)cumulative >= mass)
            {
                break;
            }

            last++;
        }

        last = Math.Min(last, _count - 1);
        uint border = (uint)(keys[last] >> 32);
        int kept = last + 1;
        while (kept < _count && (uint)(keys[kept] >> 32) == border)
        {
            kept++;
        }

        KeepKeys(0, kept);
    }

    /// <summary>The token at <paramref name="quantile"/> (in [0, 1)) of the softmax of what is left.</summary>
    public int Draw(double quantile)
    {
        ReadOnlySpan<float> weights = Softmax();
        double total = 0;
        foreach (float weight in weights)
        {
            total += weight;
        }

        double target = quantile * total;
        double passed = 0;
        int last = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] > 0)
            {
                last = i;
                passed += weights[i];
                if (passed > target)
                {
                    break;
                }
            }
        }

        return _ids[last];
    }

    /// <summary>Writes the softmax of what is left to the tokens' places.</summary>
    public void Scatter(Span<float> probabilities)
    {
        ReadOnlySpan<float> own = Softmax();
        for (int i = 0; i < own.Length; i++)
        {
            probabilities[_ids[i]] = own[i];
        }
    }

    private ReadOnlySpan<float> Softmax()
    {
        Span<float> result = _probabilities.AsSpan(0, _count);
        TensorPrimitives.Subtract(Scores, TensorPrimitives.Max(Scores), result);
        TensorPrimitives.Exp(result, result);
        TensorPrimitives.Divide(result, TensorPrimitives.Sum(result), result);
        return result;
    }

    private void Compact(ReadOnlySpan<float> values, float least)
    {
        int kept = 0;
        for (int i = 0; i < values.Length; i++)
        {
            _scores[kept] = _scores[i];
            _ids[kept] = _ids[i];
            kept += values[i] >= least ? 1 : 0;
        }

        _count = kept;
    }

    /// <summary>
    /// Sorts into <see cref="_keys"/>, most probable first, earlier candidates first among equals. Candidates that together hold less than
    /// half of <paramref name="negligible"/> are left out: no cut through the rest can reach them.
    /// </summary>
    private int SortDescending(ReadOnlySpan<float> probabilities, float negligible)
    {
        // Close to 1 rounding could reach the border: then everything is sorted.
        float least = negligible > 1e-4f ? negligible / 2 / _count : 0;
        int sorted = 0;
        for (int i = 0; i < probabilities.Length; i++)
        {
            _keys[sorted] = ((ulong)~BitConverter.SingleToUInt32Bits(probabilities[i]) << 32) | (uint)i;
            sorted += probabilities[i] >= least ? 1 : 0;
        }

        _keys.AsSpan(0, sorted).Sort();
        return sorted;
    }

    private static float Probability(ulong key) => BitConverter.UInt32BitsToSingle(~(uint)(key >> 32));

    private void KeepKeys(int from, int to)
    {
        // The order of the vocabulary is restored, so that a draw does not depend on which filters ran.
        Span<ulong> keys = _keys.AsSpan(from, to - from);
        for (int i = 0; i < keys.Length; i++)
        {
            keys[i] = (uint)keys[i];
        }

        keys.Sort();
        for (int i = 0; i < keys.Length; i++)
        {
            int candidate = (int)keys[i];
            _scores[i] = _scores[candidate];
            _ids[i] = _ids[candidate];
        }

        _count = keys.Length;
    }
}
