using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Diagnostics.Checks;

/// <summary>The native ONNX Runtime: whether it is found and fits, which execution providers it has, and whether the one asked for makes sessions.</summary>
internal static class RuntimeCheck
{
    private const string Section = "runtime";

    /// <summary>Runs the check.</summary>
    /// <returns>Whether graphs can be run with these options.</returns>
    public static bool Run(FindingList findings, INativeRuntime native, RuntimeOptions runtime)
    {
        findings.Add(Section, "managed half", DoctorStatus.Ok, $"Microsoft.ML.OnnxRuntime.Managed {NativeRuntime.ManagedVersion}");
        if (!CheckLibrary(findings, native.Describe()))
        {
            findings.Add(Section, "execution providers", DoctorStatus.NotChecked, "They are the native library's, and it cannot be used.");
            return false;
        }

        findings.Guard(Section, "execution providers", () =>
            findings.Add(Section, "execution providers", DoctorStatus.Ok, string.Join(", ", native.Providers())));
        string wanted = runtime.Provider == ExecutionProviderKind.Cpu ? "session on cpu" : FormattableString.Invariant($"session on {runtime.Provider.ToString().ToLowerInvariant()}:{runtime.DeviceId}");
        return findings.Guard(Section, wanted, () =>
        {
            native.CheckSession(runtime);
            findings.Add(Section, wanted, DoctorStatus.Ok, "A session was made.");
        });
    }

    private static bool CheckLibrary(FindingList findings, NativeLibraryFacts facts)
    {
        const string Name = "native library";
        string place = facts.Path is { } path ? $"'{path}'" : "a file that the system does not name";
        if (facts.Version is null)
        {
            findings.Add(
                Section,
                Name,
                DoctorStatus.Failed,
                $"It was not found or cannot be loaded. Add one native package to the application, for example Microsoft.ML.OnnxRuntime {NativeRuntime.ManagedVersion} (CPU), and publish for this system.",
                [.. facts.Candidates.Select(Describe), $"the loader says: {OneLine(facts.Problem ?? "nothing")}"]);
            return false;
        }

        if (facts.Problem is { } problem)
        {
            findings.Add(
                Section,
                Name,
                DoctorStatus.Failed,
                $"Version {facts.Version} in {place} does not fit the managed half, {NativeRuntime.ManagedVersion}. Give both packages the same version, and remove the older file from where it is found.",
                [.. facts.Candidates.Select(Describe), $"the managed half says: {OneLine(problem)}"]);
            return false;
        }

        bool isSame = facts.Version == NativeRuntime.ManagedVersion;
        findings.Add(
            Section,
            Name,
            isSame ? DoctorStatus.Ok : DoctorStatus.Warning,
            isSame
                ? $"{facts.Version}, {place}"
                : $"{facts.Version}, {place}, with a managed half of {NativeRuntime.ManagedVersion}. It loads; give both packages the same version, since only such pairs are tested.");
        return true;
    }

    private static string Describe(LibraryCandidate candidate) => candidate.Exists switch
    {
        true => $"there: {candidate.Path}",
        false => $"not there: {candidate.Path}",
        null => $"then {candidate.Path}",
    };

    private static string OneLine(string text) => string.Join(' ', text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
