namespace M2UGen.Sdk.Media;

/// <summary>A media source as a file that another program can open and seek in; a temporary one is deleted when it is let go.</summary>
internal sealed class MediaFile : IDisposable
{
    private readonly bool _temporary;

    private MediaFile(string path, bool temporary)
    {
        Path = path;
        _temporary = temporary;
    }

    /// <summary>The file's absolute name.</summary>
    public string Path { get; }

    /// <summary>A file that is there already and stays.</summary>
    public static MediaFile Existing(string path) => new(System.IO.Path.GetFullPath(path), temporary: false);

    /// <summary>A new file in the system's directory for temporary files, readable by this user alone.</summary>
    /// <exception cref="IOException">The directory cannot be written to, or is full.</exception>
    public static async Task<MediaFile> CreateTemporaryAsync(Func<Stream, CancellationToken, Task> write, CancellationToken cancellationToken)
    {
        string path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"m2ugen-{Guid.NewGuid():N}.media");
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        MediaFile file = new(path, temporary: true);
        try
        {
            FileStream stream = new(path, options);
            await using (stream.ConfigureAwait(false))
            {
                await write(stream, cancellationToken).ConfigureAwait(false);
            }

            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_temporary)
        {
            File.Delete(Path);
        }
    }
}
