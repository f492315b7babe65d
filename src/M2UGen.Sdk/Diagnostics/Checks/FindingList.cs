namespace M2UGen.Sdk.Diagnostics.Checks;

/// <summary>Gathers findings; whatever a check throws becomes one.</summary>
internal sealed class FindingList(CancellationToken cancellationToken)
{
    private readonly List<DoctorFinding> _findings = [];

    public void Add(string section, string name, DoctorStatus status, string message, params IReadOnlyList<string> details) =>
        _findings.Add(new DoctorFinding(section, name, status, message) { Details = details });

    /// <summary>Runs a check. A failure of it is a finding of the given status with the exception's message; cancellation alone goes on.</summary>
    /// <returns>Whether the check did not throw.</returns>
    public bool Guard(string section, string name, Action check, DoctorStatus status = DoctorStatus.Failed)
    {
        try
        {
            check();
            return true;
        }
        catch (Exception exception) when (!IsCancellation(exception))
        {
            AddFailure(section, name, exception, status);
            return false;
        }
    }

    /// <inheritdoc cref="Guard"/>
    public async Task GuardAsync(string section, string name, Func<Task> check)
    {
        try
        {
            await check().ConfigureAwait(false);
        }
        catch (Exception exception) when (!IsCancellation(exception))
        {
            AddFailure(section, name, exception, DoctorStatus.Failed);
        }
    }

    public DoctorFinding[] ToArray() => [.. _findings];

    private bool IsCancellation(Exception exception) => exception is OperationCanceledException && cancellationToken.IsCancellationRequested;

    private void AddFailure(string section, string name, Exception exception, DoctorStatus status)
    {
        string[] lines = exception.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

        // This library's own messages say what to do; what anything else throws is told with its kind.
        string first = exception is M2UGenException && lines.Length > 0 ? lines[0] : $"{exception.GetType().Name}: {(lines.Length > 0 ? lines[0] : "no message")}";
        Add(section, name, status, first, [.. lines.Skip(1)]);
    }
}
