namespace M2UGen.Sdk;

/// <summary>What the doctor found at one part of an installation.</summary>
/// <param name="Section">What the part belongs to: <c>software</c>, <c>runtime</c>, <c>machine</c>, <c>media</c>, <c>bundle</c>, <c>probes</c>.</param>
/// <param name="Name">The part: <c>native library</c>, <c>ffmpeg</c>, a component's name, …</param>
/// <param name="Status">How well it is.</param>
/// <param name="Message">What is there and, where it is not well, what to do; sentences.</param>
public sealed record DoctorFinding(string Section, string Name, DoctorStatus Status, string Message)
{
    /// <summary>Particulars, a line each: every path that was tried, every file that differs.</summary>
    /// <value>Empty where the message says all.</value>
    public IReadOnlyList<string> Details { get; init; } = [];
}
