using M2UGen.Parity.Kinds;

namespace M2UGen.Parity;

/// <summary>Finds cases, runs each through the handler of its kind, and gathers what they report.</summary>
internal sealed class ParityRunner(ParityOptions options) : IDisposable
{
    private readonly ExportCache exports = new();

    /// <summary>Runs every case below the options' folders and writes each case's lines as soon as it is done.</summary>
    public IReadOnlyList<ParityReport> Run(TextWriter output, CancellationToken cancellationToken)
    {
        List<ParityReport> reports = [];
        HashSet<string> visited = new(StringComparer.Ordinal);
        foreach (string folder in options.Folders)
        {
            string[] cases = FindCases(folder);
            if (cases.Length == 0)
            {
                Finish(Failure(folder, "case.json", Directory.Exists(folder) ? "no case.json in or below this folder" : "no such folder"));
            }

            foreach (string found in cases.Where(visited.Add))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (RunCase(found, cancellationToken) is { } report)
                {
                    Finish(report);
                }
            }
        }

        if (reports.Count == 0)
        {
            Finish(Failure(".", "--kind", $"no case of the kind {string.Join(", ", options.Kinds)} was found"));
        }

        return reports;

        void Finish(ParityReport report)
        {
            reports.Add(report);
            ResultWriter.WriteCase(output, report);
            output.Flush();
        }
    }

    /// <summary>Runs one case.</summary>
    /// <returns>Its report; null where the options ask for other kinds only.</returns>
    public ParityReport? RunCase(string folder, CancellationToken cancellationToken)
    {
        ParityCase parityCase;
        try
        {
            parityCase = new ParityCase(folder, options, exports);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return Failure(folder, "case.json", e.Message);
        }

        using (parityCase)
        {
            if (options.Kinds.Count > 0 && !options.Kinds.Any(k => Wildcard.Matches(k, parityCase.Kind)))
            {
                return null;
            }

            ParityReport report = new(parityCase);
            RunKind(parityCase, report, cancellationToken);
            return report;
        }
    }

    public void Dispose() => exports.Dispose();

    /// <summary>The folders in and below <paramref name="folder"/> that hold a case.json, in ordinal order.</summary>
    public static string[] FindCases(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return [];
        }

        EnumerationOptions walk = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        string[] cases = [.. Directory.EnumerateFiles(folder, "case.json", walk).Select(f => Path.GetDirectoryName(Path.GetFullPath(f))!)];
        Array.Sort(cases, StringComparer.Ordinal);
        return cases;
    }

    private static void RunKind(ParityCase parityCase, ParityReport report, CancellationToken cancellationToken)
    {
        if (parityCase.IsFilesOnly)
        {
            report.Skip(parityCase.Name, "files only: other cases point here, nothing to compare");
            return;
        }

        IParityKind? handler = Registry.Find(parityCase.Kind);
        if (handler is null)
        {
            if (Registry.LaterReason(parityCase.Kind) is { } reason)
            {
                report.Skip(parityCase.Name, $"kind '{parityCase.Kind}': {reason}");
            }
            else
            {
                report.Fail(parityCase.Name, $"this runner does not know the kind '{parityCase.Kind}'");
            }

            return;
        }

        bool interrupted = false;
        try
        {
            handler.Run(parityCase, report, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            // Whatever a case does, the others are still to be run.
            interrupted = true;
            report.Fail("case", ParityReport.Describe(e));
        }

        report.Close(interrupted);
    }

    private static ParityReport Failure(string folder, string name, string reason)
    {
        ParityReport report = new(folder, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), "unknown");
        report.Fail(name, reason);
        return report;
    }
}
