namespace M2UGen.Sdk.Media.Audio;

/// <summary>A new file beside its target: renamed onto it when complete, deleted otherwise.</summary>
internal sealed class TemporaryFile : IDisposable, IAsyncDisposable
{
    private readonly string _target;
    private readonly string _path;
    private readonly FileStream _stream;
    private bool _complete;

    /// <summary>Creates the temporary file in the target's directory.</summary>
    /// <exception cref="IOException">The directory is missing or cannot be written to; the system's own exception.</exception>
    public TemporaryFile(string target)
    {
        _target = Path.GetFullPath(target);
        _path = Path.Combine(Path.GetDirectoryName(_target) ?? ".", $".{Path.GetFileName(_target)}.{Guid.NewGuid():N}.tmp");
        if (Directory.Exists(_target))
        {
            throw new IOException($"'{target}' is a directory; a file name is needed.");
        }

        _stream = new FileStream(_path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, 1 << 16, useAsync: true);
    }

    /// <summary>The open file.</summary>
    public Stream Stream => _stream;

    /// <summary>Flushes, closes and gives the file its final name, replacing a file of that name.</summary>
    public async Task CompleteAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        File.Move(_path, _target, overwrite: true);
        _complete = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream.Dispose();
        Delete();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        Delete();
    }

    private void Delete()
    {
        if (!_complete)
        {
            File.Delete(_path);
        }
    }
}
