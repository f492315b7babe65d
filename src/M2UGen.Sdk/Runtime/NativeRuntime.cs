using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace M2UGen.Sdk.Runtime;

/// <summary>The native ONNX Runtime of this process.</summary>
internal sealed unsafe class NativeRuntime : INativeRuntime
{
    private const string Library = "onnxruntime";

    /// <summary>The version of the managed half, which must not be newer than the native one.</summary>
    public static string ManagedVersion { get; } =
        typeof(OrtEnv).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    public NativeLibraryFacts Describe()
    {
        IReadOnlyList<LibraryCandidate> candidates = LibrarySearch.Candidates(Library);
        nint handle = 0;
        string? version = null;
        try
        {
            handle = NativeLibrary.Load(Library, typeof(OrtEnv).Assembly, null);
            version = VersionOf(handle);
            string path = LoadedPath() ?? "";

            // The managed half takes the table of functions that it was written for; an older library has none.
            _ = OnnxRuntimeHost.Version;
            return new NativeLibraryFacts(path.Length == 0 ? null : path, version, null, candidates);
        }
#pragma warning disable CA1031 // A report on a broken installation: whatever the loader or the managed half throws is the finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new NativeLibraryFacts(handle == 0 ? null : LoadedPath(), version, Innermost(exception), candidates);
        }
        finally
        {
            if (handle != 0)
            {
                NativeLibrary.Free(handle);
            }
        }
    }

    public IReadOnlyList<string> Providers() => OnnxRuntimeHost.Providers;

    public void CheckSession(RuntimeOptions options) => OnnxRuntimeHost.CheckSession(options);

    private static string Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return exception.Message.Trim();
    }

    /// <summary>
    /// Asks the library itself: <c>OrtGetApiBase()</c> gives a table of two functions, the second of which is <c>GetVersionString</c>. It has been so in every version (onnxruntime_c_api.h).
    /// </summary>
    private static string? VersionOf(nint handle)
    {
        if (!NativeLibrary.TryGetExport(handle, "OrtGetApiBase", out nint getApiBase))
        {
            return null;
        }

        void** table = (void**)((delegate* unmanaged<void*>)getApiBase)();
        return table == null ? null : Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)table[1])());
    }

    private static string? LoadedPath()
    {
        try
        {
            using Process process = Process.GetCurrentProcess();
            foreach (ProcessModule module in process.Modules)
            {
                string? file = Path.GetFileName(module.FileName);
                if (file is not null && (file.StartsWith($"lib{Library}.", StringComparison.Ordinal) || file.StartsWith($"{Library}.", StringComparison.OrdinalIgnoreCase)))
                {
                    return module.FileName;
                }
            }
        }
        catch (Exception exception) when (exception is InvalidOperationException or NotSupportedException or System.ComponentModel.Win32Exception)
        {
            // Some systems show a process nothing of itself; the version is known all the same.
        }

        return null;
    }
}
