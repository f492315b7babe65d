namespace M2UGen.Testing;

/// <summary>Comparison of tensors with an absolute tolerance.</summary>
internal static class Near
{
    /// <summary>Fails with the worst place when any value differs by more than <paramref name="tolerance"/>, or the counts differ.</summary>
    public static void Equal(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what = "")
    {
        Xunit.Assert.True(expected.Length == actual.Length, $"{what}: {expected.Length} values expected, {actual.Length} found.");
        double worst = 0;
        int at = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs((double)expected[i] - actual[i]);
            if (!(error <= worst))
            {
                (worst, at) = (error, i);
            }
        }

        Xunit.Assert.True(worst <= tolerance, $"{what}: value {at} is {(at < actual.Length ? actual[at] : 0)}, expected {(at < expected.Length ? expected[at] : 0)}; difference {worst} above {tolerance}.");
    }
}
