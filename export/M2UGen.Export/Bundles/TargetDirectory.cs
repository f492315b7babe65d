using System.Globalization;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Probes;

namespace M2UGen.Export.Bundles;

/// <summary>The place of a bundle: written under a name of its own beside the target, renamed when it is whole.</summary>
/// <remarks>
/// A crash leaves <c>target.partial-…</c>, never a half-written <c>target</c>. Such a folder is left alone by later exports and may be deleted. Where
/// an old bundle is replaced, a crash between the two renames leaves no <c>target</c> at all: the old one, whole, is then <c>target.old-…</c>.
/// </remarks>
internal sealed class TargetDirectory : IDisposable
{
    // What is not a weight: graphs, tokenizer files, the manifest, rounding to blocks.
    private const long SpareBytes = 64L << 20;

    private const int MostNamed = 8;

    private static readonly string[] Extensions = [".onnx", ".onnx.data", ".bin"];

    private readonly string _target;
    private readonly bool _force;
    private bool _isComplete;

    private TargetDirectory(string target, string partial, bool force)
    {
        _target = target;
        PartialPath = partial;
        _force = force;
    }

    /// <summary>Where to write.</summary>
    public string PartialPath { get; }

    /// <summary>Checks that a bundle may be made at <paramref name="target"/>; nothing is created.</summary>
    /// <param name="target">The directory of the bundle to be.</param>
    /// <param name="force">Whether an existing bundle there is to be replaced.</param>
    /// <param name="sources">Files that are read: the target may not be one of them or hold one of them.</param>
    /// <returns>The full path.</returns>
    /// <exception cref="ExportException">Something else is there, or the target makes no sense.</exception>
    public static string Check(string target, bool force, IEnumerable<string> sources)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (Path.GetDirectoryName(full) is null)
        {
            throw new ExportException(full, $"'{full}' is the root of a file system. Name a directory for the bundle.");
        }

        if (File.Exists(full))
        {
            throw new ExportException(full, $"'{full}' is a file. Name a directory for the bundle.");
        }

        foreach (string source in sources)
        {
            if (Path.GetFullPath(source).StartsWith(full + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw new ExportException(full, $"'{full}' holds the source file '{source}'. Name another directory for the bundle.");
            }
        }

        if (!Directory.Exists(full) || !Directory.EnumerateFileSystemEntries(full).Any())
        {
            return full;
        }

        if (!force)
        {
            throw new ExportException(full, $"'{full}' exists and is not empty. Choose another directory, or replace the bundle there with --force (ExportOptions.Force).");
        }

        if (!File.Exists(Path.Combine(full, BundleManifest.FileName)))
        {
            throw new ExportException(full, $"'{full}' is not empty and holds no bundle, so it is not replaced. Choose another directory, or empty this one.");
        }

        // The whole directory goes when it is replaced; a damaged bundle may be, what somebody else put there may not.
        string[] foreign = [.. Directory.EnumerateFileSystemEntries(full).Where(entry => !IsBundles(entry)).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal)];
        return foreign.Length == 0
            ? full
            : throw new ExportException(full, $"'{full}' holds more than a bundle, so it is not replaced: {string.Join(", ", foreign.Take(MostNamed))}{(foreign.Length > MostNamed ? ", …" : "")}. Choose another directory, or move that away.");
    }

    /// <summary>Checks the free space and creates the directory to write into.</summary>
    /// <param name="target">What <see cref="Check"/> gave.</param>
    /// <param name="force">As there.</param>
    /// <param name="byteCount">What will be written.</param>
    /// <exception cref="ExportException">The disk has too little room.</exception>
    public static TargetDirectory Create(string target, bool force, long byteCount)
    {
        string parent = Path.GetDirectoryName(target)!;
        Directory.CreateDirectory(parent);
        long needed = byteCount + SpareBytes;
        if (FreeBytes(parent) is { } free && free < needed)
        {
            throw new ExportException(target, string.Create(CultureInfo.InvariantCulture, $"'{target}' needs {Gigabytes(needed)} GB, and '{parent}' has {Gigabytes(free)} GB free. Make room, or choose a directory on another disk."));
        }

        string partial = $"{target}.partial-{Guid.NewGuid():N}";
        Directory.CreateDirectory(partial);
        return new TargetDirectory(target, partial, force);
    }

    /// <summary>Gives the finished bundle its name; an old one there is moved aside first and deleted afterwards.</summary>
    /// <returns>The old bundle's new name where it could not be deleted (a program may have it open), else null.</returns>
    /// <exception cref="IOException">Somebody else put something there meanwhile; it stays.</exception>
    public string? Complete()
    {
        string? old = null;
        if (Directory.Exists(_target))
        {
            if (_force)
            {
                old = $"{_target}.old-{Guid.NewGuid():N}";
                Directory.Move(_target, old);
            }
            else
            {
                // Empty, or filled by someone else meanwhile: then this fails and the partial bundle goes away.
                Directory.Delete(_target);
            }
        }

        try
        {
            Directory.Move(PartialPath, _target);
        }
        catch (Exception exception) when (old is not null)
        {
            if (Directory.Exists(_target))
            {
                throw new IOException($"'{_target}' was made by somebody else while this export replaced it, and stays. What was there before is in '{old}'.", exception);
            }

            Directory.Move(old, _target);
            throw;
        }

        _isComplete = true;
        try
        {
            if (old is not null)
            {
                Directory.Delete(old, recursive: true);
            }

            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return old;
        }
    }

    /// <summary>Removes what was written, unless it was completed.</summary>
    public void Dispose()
    {
        if (!_isComplete && Directory.Exists(PartialPath))
        {
            Directory.Delete(PartialPath, recursive: true);
        }
    }

    /// <summary>Whether a file or folder of a bundle's directory has a name that exporters give.</summary>
    private static bool IsBundles(string path)
    {
        string name = Path.GetFileName(path);
        return Directory.Exists(path)
            ? name.StartsWith(BundleWriter.TokenizerFolder(""), StringComparison.Ordinal)
            : name is BundleManifest.FileName or ProbeFile.FileName || Extensions.Any(extension => name.EndsWith(extension, StringComparison.Ordinal));
    }

    private static string Gigabytes(long bytes) => (bytes / 1e9).ToString("0.00", CultureInfo.InvariantCulture);

    private static long? FreeBytes(string directory)
    {
        try
        {
            // On Unix any path names the file system it lies on.
            return new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(directory)! : directory).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // A network share may not tell; writing will.
            return null;
        }
    }
}
