using System.Globalization;

namespace M2UGen.Sdk;

/// <summary>All findings of an examination, and what they come to. Immutable.</summary>
public sealed class DoctorReport
{
    internal DoctorReport(IReadOnlyList<DoctorFinding> findings) => Findings = findings;

    /// <summary>The findings, in the order of the examination.</summary>
    public IReadOnlyList<DoctorFinding> Findings { get; }

    /// <summary>The worst of the findings: <see cref="DoctorStatus.Ok"/>, <see cref="DoctorStatus.Warning"/> or <see cref="DoctorStatus.Failed"/>. What was not checked does not count.</summary>
    public DoctorStatus Verdict =>
        Findings.Any(finding => finding.Status == DoctorStatus.Failed) ? DoctorStatus.Failed
        : Findings.Any(finding => finding.Status == DoctorStatus.Warning) ? DoctorStatus.Warning
        : DoctorStatus.Ok;

    /// <summary>Whether nothing failed.</summary>
    public bool IsHealthy => Verdict != DoctorStatus.Failed;

    /// <summary>The verdict as a sentence.</summary>
    public string Summary
    {
        get
        {
            string[] failed = Names(DoctorStatus.Failed);
            string[] warned = Names(DoctorStatus.Warning);
            int open = Findings.Count(finding => finding.Status == DoctorStatus.NotChecked);
            string verdict = failed.Length > 0 ? $"Not healthy: {string.Join(", ", failed)} failed"
                : warned.Length > 0 ? $"Healthy, with a warning about {string.Join(", ", warned)}"
                : "Healthy";
            return string.Create(CultureInfo.InvariantCulture, $"{verdict}{(open > 0 ? $"; {open} not checked" : "")}.");
        }
    }

    private string[] Names(DoctorStatus status) => [.. Findings.Where(finding => finding.Status == status).Select(finding => finding.Name)];
}
