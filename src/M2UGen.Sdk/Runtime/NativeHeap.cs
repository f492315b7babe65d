using System.Runtime.InteropServices;

namespace M2UGen.Sdk.Runtime;

/// <summary>The heap of the C library, in which ONNX Runtime keeps weights.</summary>
/// <remarks>
/// Glibc asks the system for large blocks one by one and gives them back at once, until the first is freed: from then on blocks up to that size come from the heap, which keeps what is freed.
/// A component that is loaded a second time and unloaded would go on to take its room.
/// </remarks>
internal static partial class NativeHeap
{
    private static bool _cannot = !OperatingSystem.IsLinux();

    /// <summary>Gives free pages back to the system; does nothing where the C library is another one.</summary>
    public static void Trim()
    {
        if (_cannot)
        {
            return;
        }

        try
        {
            _ = MallocTrim(0);
        }
        catch (Exception exception) when (exception is EntryPointNotFoundException or DllNotFoundException)
        {
            // Musl: it has no such function, and keeps little.
            _cannot = true;
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MallocTrim(nuint pad);
}
