using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Linear combinations of samples without further memory.</summary>
internal static class SampleMath
{
    /// <summary>target = a · x + b · y. The target may be y's memory or neither's.</summary>
    public static void Combine(double a, ReadOnlySpan<float> x, double b, ReadOnlySpan<float> y, Span<float> target)
    {
        TensorPrimitives.Multiply(y, (float)b, target);
        TensorPrimitives.MultiplyAdd(x, (float)a, target, target);
    }

    /// <summary>target = a · x + b · target.</summary>
    public static void Accumulate(double a, ReadOnlySpan<float> x, double b, Span<float> target) => Combine(a, x, b, target, target);

    /// <summary>target += a · x.</summary>
    public static void Add(double a, ReadOnlySpan<float> x, Span<float> target) => TensorPrimitives.MultiplyAdd(x, (float)a, target, target);
}
