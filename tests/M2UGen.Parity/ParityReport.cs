using System.Text.Json;
using M2UGen.Sdk;

namespace M2UGen.Parity;

internal enum Verdict
{
    Passed,
    Failed,
    Skipped,
}

/// <summary>One line of the report.</summary>
/// <param name="Name">A tensor of expected.safetensors, or a row of a table.</param>
/// <param name="Verdict">How it ended.</param>
/// <param name="Tolerance">What was allowed; null where nothing is measured.</param>
/// <param name="Comparison">What was found; null where nothing is measured.</param>
/// <param name="Detail">Why it failed or was skipped; else empty.</param>
internal sealed record ParityResult(string Name, Verdict Verdict, Tolerance? Tolerance, Comparison? Comparison, string Detail);

/// <summary>What became of one case, line by line.</summary>
internal sealed class ParityReport
{
    private readonly ParityCase? parityCase;
    private readonly List<ParityResult> results = [];
    private readonly HashSet<string> seen = new(StringComparer.Ordinal);

    public ParityReport(ParityCase parityCase)
        : this(parityCase.Folder, parityCase.Name, parityCase.Kind)
    {
        this.parityCase = parityCase;
        IsFilesOnly = parityCase.IsFilesOnly;
    }

    /// <summary>For a folder that could not even be opened as a case.</summary>
    public ParityReport(string folder, string name, string kind) => (Folder, Name, Kind) = (folder, name, kind);

    public string Folder { get; }

    public string Name { get; }

    public string Kind { get; }

    /// <summary>The case only holds files that others point to.</summary>
    public bool IsFilesOnly { get; }

    public IReadOnlyList<ParityResult> Results => results;

    public int Passed => results.Count(r => r.Verdict == Verdict.Passed);

    public int Failed => results.Count(r => r.Verdict == Verdict.Failed);

    public int Skipped => results.Count(r => r.Verdict == Verdict.Skipped);

    /// <summary>Compares with the tensor of expected.safetensors of this name, by the case's tolerance or the given one (a file's own).</summary>
    public void Compare(string tensor, ReadOnlySpan<float> actual, ReadOnlySpan<long> shape, Tolerance? tolerance = null)
    {
        double[] values = new double[actual.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = actual[i];
        }

        CompareWithExpected(tensor, values, shape, tolerance ?? Case.Tolerances.Of(tensor), whole: false);
    }

    /// <summary>Compares a whole-number tensor with the one of expected.safetensors: every element equal.</summary>
    public void CompareExact(string tensor, ReadOnlySpan<long> actual, ReadOnlySpan<long> shape)
    {
        double[] values = new double[actual.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = actual[i];
        }

        CompareWithExpected(tensor, values, shape, Tolerance.Exact, whole: true);
    }

    /// <summary>Compares what a graph's numbers were used to choose: a code, a neighbour. In float16 a choice that was nearly a tie may fall otherwise, and all that follows it: that is told, and counted as skipped.</summary>
    /// <returns>Whether every choice is the expected one.</returns>
    public bool CompareChosen(string tensor, ReadOnlySpan<long> actual, ReadOnlySpan<long> shape)
    {
        ReadOnlySpan<long> expected = Case.Expected.Has(tensor) ? Case.Expected.Int64(tensor) : [];
        int common = expected.CommonPrefixLength(actual);
        if (Case.Options.Precision == Precision.Float16 && expected.Length == actual.Length && common < actual.Length)
        {
            Skip(tensor, $"float16 chose otherwise, from value {common} of {actual.Length} on");
            return false;
        }

        CompareExact(tensor, actual, shape);
        return common == expected.Length && common == actual.Length;
    }

    /// <summary>Compares numbers that case.json itself states.</summary>
    public void CheckValues(string name, ReadOnlySpan<double> expected, ReadOnlySpan<double> actual, Tolerance tolerance)
    {
        if (expected.Length != actual.Length)
        {
            Fail(name, $"expected {expected.Length} values, found {actual.Length}");
            return;
        }

        Record(name, tolerance, tolerance.Judge(expected, actual));
    }

    /// <summary>Compares ids that case.json itself states: same length, every one equal.</summary>
    public void CheckIds(string name, ReadOnlySpan<long> expected, ReadOnlySpan<long> actual)
    {
        int common = expected.CommonPrefixLength(actual);
        bool equal = common == expected.Length && common == actual.Length;
        string detail = equal ? "" : $"differs from position {common} on: expected {Show(expected, common)} ({expected.Length} ids), found {Show(actual, common)} ({actual.Length} ids)";
        Add(new ParityResult(name, equal ? Verdict.Passed : Verdict.Failed, Tolerance.Exact, null, detail));

        static string Show(ReadOnlySpan<long> ids, int from) => $"[{string.Join(", ", ids[from..Math.Min(ids.Length, from + 8)].ToArray())}…]";
    }

    /// <summary>Compares a text, character for character.</summary>
    public void CheckText(string name, string? expected, string? actual)
    {
        bool equal = string.Equals(expected, actual, StringComparison.Ordinal);
        string detail = equal ? "" : $"expected {Quote(expected)}, found {Quote(actual)}";
        Add(new ParityResult(name, equal ? Verdict.Passed : Verdict.Failed, Tolerance.Exact, null, detail));

        static string Quote(string? text) => text is null ? "nothing" : JsonSerializer.Serialize(text);
    }

    /// <summary>Records a finding that is right or wrong without a measure.</summary>
    public void Check(string name, bool ok, string detail) =>
        Add(new ParityResult(name, ok ? Verdict.Passed : Verdict.Failed, null, null, ok ? "" : detail));

    /// <summary>Leaves a tensor or row out, saying why.</summary>
    public void Skip(string name, string reason) => Add(new ParityResult(name, Verdict.Skipped, null, null, reason));

    /// <summary>Leaves out every tensor of expected.safetensors that matches ('*' stands for any characters) and has no line yet.</summary>
    public void SkipAll(string pattern, string reason)
    {
        foreach (string tensor in Case.Expected.Names.Where(n => !seen.Contains(n) && Wildcard.Matches(pattern, n)))
        {
            Skip(tensor, reason);
        }
    }

    public void Fail(string name, string reason) => Add(new ParityResult(name, Verdict.Failed, null, null, reason));

    /// <summary>Runs one row of a case: an exception becomes a failure of that row, and the other rows are still run.</summary>
    public void Row(string name, Action body)
    {
        try
        {
            body();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Fail(name, Describe(e));
        }
    }

    /// <summary>An exception in one line: type, message, and the place in our own code.</summary>
    public static string Describe(Exception exception)
    {
        string place = exception.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("M2UGen.", StringComparison.Ordinal))?.Trim() ?? "";
        return $"{exception.GetType().Name}: {exception.Message} {place}".TrimEnd();
    }

    /// <summary>Whether a tensor or row has a line already.</summary>
    public bool Has(string name) => seen.Contains(name);

    /// <summary>After the kind's handler: an expected tensor without a line is a failure, and so is a case without any.</summary>
    public void Close(bool interrupted)
    {
        if (parityCase is { HasExpected: true })
        {
            foreach (string tensor in parityCase.Expected.Names.Where(n => !seen.Contains(n)))
            {
                Fail(tensor, interrupted ? "not reached: the case ended in the failure above" : "not compared");
            }
        }

        if (results.Count == 0)
        {
            Fail("case.json", "nothing was compared");
        }
    }

    private ParityCase Case => parityCase ?? throw new InvalidOperationException("This report has no case to compare with.");

    private void CompareWithExpected(string tensor, double[] actual, ReadOnlySpan<long> shape, Tolerance tolerance, bool whole)
    {
        if (!Case.Expected.Has(tensor))
        {
            Fail(tensor, "expected.safetensors has no such tensor");
            return;
        }

        long[] expectedShape = Case.Expected.Shape(tensor);
        if (!shape.SequenceEqual(expectedShape))
        {
            Fail(tensor, $"expected shape [{string.Join(", ", expectedShape)}], found [{string.Join(", ", shape.ToArray())}]");
            return;
        }

        double[] expected = Case.Expected.Double(tensor);
        if (expected.Length != actual.Length)
        {
            Fail(tensor, $"the shape asks for {expected.Length} values, found {actual.Length}");
            return;
        }

        if (Case.Expected.IsInteger(tensor) != whole)
        {
            Fail(tensor, whole ? "whole numbers compared with a floating-point tensor" : "floating-point values compared with a whole-number tensor");
            return;
        }

        if (tolerance.Rule == ToleranceRule.Information)
        {
            Skip(tensor, "stored for information (tolerance rule 'info')");
            return;
        }

        Record(tensor, tolerance, tolerance.Judge(expected, actual));
    }

    private void Record(string name, Tolerance tolerance, Comparison comparison)
    {
        string detail = comparison.Passed ? "" : $"{comparison.Outside} values outside, the first at {comparison.FirstOutside}";
        Add(new ParityResult(name, comparison.Passed ? Verdict.Passed : Verdict.Failed, tolerance, comparison, detail));
    }

    private void Add(ParityResult result)
    {
        seen.Add(result.Name);
        results.Add(result);
    }
}
