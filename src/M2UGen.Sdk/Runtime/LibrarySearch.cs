using System.Runtime.InteropServices;

namespace M2UGen.Sdk.Runtime;

/// <summary>Lists where .NET looks for a native library, in the order in which it does.</summary>
internal static class LibrarySearch
{
    /// <summary>The places for this process.</summary>
    /// <param name="library">The bare name: <c>onnxruntime</c>.</param>
    public static IReadOnlyList<LibraryCandidate> Candidates(string library)
    {
        (string file, string variable, string system) =
            OperatingSystem.IsWindows() ? ($"{library}.dll", "PATH", "Windows' search: the system's directories, then those of PATH")
            : OperatingSystem.IsMacOS() ? ($"lib{library}.dylib", "DYLD_LIBRARY_PATH", "dyld's search: /usr/local/lib, /usr/lib")
            : ($"lib{library}.so", "LD_LIBRARY_PATH", "ld.so's search: /etc/ld.so.cache, /lib, /usr/lib");
        return Candidates(
            file,
            AppContext.BaseDirectory,
            RuntimeInformation.RuntimeIdentifier,
            AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string,
            Environment.GetEnvironmentVariable(variable),
            system);
    }

    /// <summary>The places, from what decides about them.</summary>
    /// <param name="file">The file's name.</param>
    /// <param name="application">The application's directory.</param>
    /// <param name="runtimeIdentifier">Such as <c>linux-x64</c>.</param>
    /// <param name="hostDirectories">What the host found in the application's deps.json: directories with the system's separator between them.</param>
    /// <param name="variableDirectories">The directories of the environment variable that the system's loader reads.</param>
    /// <param name="system">What the system's loader does then, in words.</param>
    public static IReadOnlyList<LibraryCandidate> Candidates(
        string file, string application, string runtimeIdentifier, string? hostDirectories, string? variableDirectories, string system)
    {
        IEnumerable<string> directories = Split(hostDirectories)
            .Append(application)
            .Append(Path.Combine(application, "runtimes", runtimeIdentifier, "native"))
            .Concat(Split(variableDirectories));
        return
        [
            .. directories.Select(directory => Path.TrimEndingDirectorySeparator(directory)).Distinct(StringComparer.Ordinal)
                .Select(directory => Path.Combine(directory, file)).Select(path => new LibraryCandidate(path, File.Exists(path))),
            new LibraryCandidate(system, null),
        ];
    }

    private static string[] Split(string? directories) => (directories ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
