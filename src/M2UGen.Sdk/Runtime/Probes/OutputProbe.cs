using System.Globalization;
using System.Text.Json.Serialization;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Runtime.Probes;

/// <summary>What is kept of one output: enough to notice that it changed, a few hundred bytes whatever its size.</summary>
/// <param name="Shape">The dimensions.</param>
/// <param name="Rms">Root of the mean square of all elements.</param>
/// <param name="Projection">Sum of all elements with reproducible signs, divided by the root of their number: as large as a single element, and changed by a change of any of them.</param>
/// <param name="Values">Some elements, evenly spaced from the first to the last: 4, or 32 of an output of integers.</param>
internal sealed record OutputProbe(IReadOnlyList<long> Shape, double Rms, double Projection, IReadOnlyList<double> Values)
{
    /// <summary>Elements that are kept at most.</summary>
    public const int MaxValues = 32;

    private const int FloatingValues = 4;

    // Codes are the nearest of a table, and near ties fall either way: one of a probe's eight frames may change, with every code that follows from it.
    private const double MaxDifferentPart = 0.125;
    private const ulong SignSeed = 0x4D325547656E;

    /// <summary>Whether every element was a number; what is not finite cannot be compared.</summary>
    [JsonIgnore]
    public bool IsFinite => double.IsFinite(Rms) && double.IsFinite(Projection) && Values.All(double.IsFinite);

    /// <summary>Takes what is kept of a tensor.</summary>
    public static OutputProbe Of(NativeTensor tensor) => tensor.Kind switch
    {
        TensorElementKind.Float => Of<float>(tensor, value => value),
        TensorElementKind.Float16 => Of<Half>(tensor, value => (double)value),
        TensorElementKind.Int64 => Of<long>(tensor, value => value),
        TensorElementKind.Int32 => Of<int>(tensor, value => value),
        TensorElementKind.Int8 => Of<sbyte>(tensor, value => value),
        TensorElementKind.UInt8 => Of<byte>(tensor, value => value),
        TensorElementKind.Bool => Of<bool>(tensor, value => value ? 1 : 0),
        _ => throw new InvalidOperationException($"Nothing is kept of outputs of {tensor.Kind}."),
    };

    /// <summary>How far a run's output is from the recorded one.</summary>
    /// <param name="recorded">What the exporter wrote down.</param>
    /// <param name="found">What a run gave.</param>
    /// <param name="isFloating">Whether the elements are floating-point numbers.</param>
    /// <returns>
    /// Of floating-point numbers the largest difference in units of the recorded <see cref="Rms"/>; of integers 0 while at most an eighth of <see cref="Values"/> differ, and more than
    /// 1 beyond. Infinity where shapes differ or a number is not finite.
    /// </returns>
    public static double Deviation(OutputProbe recorded, OutputProbe found, bool isFloating)
    {
        if (!recorded.Shape.SequenceEqual(found.Shape) || recorded.Values.Count != found.Values.Count || !found.IsFinite)
        {
            return double.PositiveInfinity;
        }

        if (!isFloating)
        {
            double part = recorded.Values.Zip(found.Values).Count(pair => pair.First != pair.Second) / Math.Max(1.0, found.Values.Count);
            return part <= MaxDifferentPart ? 0 : part / MaxDifferentPart;
        }

        double largest = Math.Max(Math.Abs(recorded.Rms - found.Rms), Math.Abs(recorded.Projection - found.Projection));
        foreach ((double one, double other) in recorded.Values.Zip(found.Values))
        {
            largest = Math.Max(largest, Math.Abs(one - other));
        }

        // An output of zeros has no unit; any difference from it is one.
        return largest == 0 ? 0 : recorded.Rms > 0 ? largest / recorded.Rms : double.PositiveInfinity;
    }

    private static OutputProbe Of<T>(NativeTensor tensor, Func<T, double> number)
        where T : unmanaged
    {
        ReadOnlySpan<T> elements = tensor.AsSpan<T>();
        bool isFloating = tensor.Kind is TensorElementKind.Float or TensorElementKind.Float16;
        CounterRandom signs = new(SignSeed);
        double squares = 0;
        double projection = 0;
        foreach (T element in elements)
        {
            double value = number(element);
            squares += value * value;
            projection += (signs.NextUInt32() & 1) == 0 ? value : -value;
        }

        int kept = Math.Min(elements.Length, isFloating ? FloatingValues : MaxValues);
        double[] values = new double[kept];
        for (int i = 0; i < kept; i++)
        {
            int index = kept == 1 ? 0 : (int)((long)i * (elements.Length - 1) / (kept - 1));
            values[i] = Short(number(elements[index]));
        }

        int count = Math.Max(1, elements.Length);
        return new OutputProbe(tensor.Shape.ToArray(), Short(Math.Sqrt(squares / count)), Short(projection / Math.Sqrt(count)), values);
    }

    /// <summary>Seven digits: float32 has no more, and files stay small.</summary>
    private static double Short(double value) => double.Parse(value.ToString("G7", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
