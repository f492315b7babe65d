namespace M2UGen.Sdk.Media.Video;

/// <summary>The name of a new file beside its target, for another program to write: renamed onto the target when complete, deleted otherwise.</summary>
internal sealed class TemporaryTarget : IDisposable
{
    private readonly string _target;

    /// <summary>Creates the empty file in the target's directory.</summary>
    /// <exception cref="IOException">The directory is missing or cannot be written to.</exception>
    public TemporaryTarget(string target)
    {
        _target = System.IO.Path.GetFullPath(target);
        if (Directory.Exists(_target))
        {
            throw new IOException($"'{target}' is a directory; a file name is needed.");
        }

        Path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(_target) ?? ".", $".{Guid.NewGuid():N}.tmp");
        using FileStream created = new(Path, FileMode.CreateNew);
    }

    /// <summary>The file to write: its name holds nothing that a command line could mistake but what the directory's own name brings.</summary>
    public string Path { get; }

    /// <summary>Throws if the target is <paramref name="original"/> itself, by whatever way its directory is reached.</summary>
    /// <exception cref="ArgumentException">It is.</exception>
    public void ThrowIfIs(string original)
    {
        StringComparison comparison = OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
        string directory = System.IO.Path.GetDirectoryName(original) ?? ".";
        bool sameDirectory = File.Exists(System.IO.Path.Combine(directory, System.IO.Path.GetFileName(Path)));
        if (sameDirectory && string.Equals(System.IO.Path.GetFileName(original), System.IO.Path.GetFileName(_target), comparison))
        {
            throw new ArgumentException($"The new film would overwrite the film itself, '{original}'; choose another name.", nameof(original));
        }
    }

    /// <summary>Gives the file its final name, replacing another of that name.</summary>
    public void Complete() => File.Move(Path, _target, overwrite: true);

    /// <inheritdoc/>
    public void Dispose() => File.Delete(Path);
}
