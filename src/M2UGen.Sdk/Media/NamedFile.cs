namespace M2UGen.Sdk.Media;

/// <summary>Opens a file by its name, whatever lies there: nothing is waited for without end.</summary>
internal static class NamedFile
{
    /// <summary>How long a pipe may keep silent: to open one waits for somebody who writes, and so does every read.</summary>
    public static readonly TimeSpan PipePatience = TimeSpan.FromSeconds(30);

    /// <summary>Opens a file or a pipe for reading; a pipe's stream cannot seek.</summary>
    /// <param name="path">The name.</param>
    /// <param name="patience">How long nobody may write into a pipe.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="MediaFormatException">It is a directory, a device, or a pipe that nobody writes into.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static async Task<FileStream> OpenAsync(string path, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
        {
            throw new MediaFormatException(path, "this is a directory. Name a file in it.");
        }

        // Opening a pipe blocks and cannot be cancelled, so it has a thread of its own, which is left behind if need be.
        Task<FileStream> opening = Task.Factory.StartNew(() => Open(path), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        FileStream file;
        try
        {
            file = await opening.WaitAsync(patience, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            _ = opening.ContinueWith(late => late.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            cancellationToken.ThrowIfCancellationRequested();
            throw Silent(path, patience);
        }

        if (await IsDeviceAsync(file, cancellationToken).ConfigureAwait(false))
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw new MediaFormatException(path, "this is a device, or a file of the system that has no length. Copy what it holds into a file.");
        }

        return file;
    }

    /// <summary>The exception for a pipe that nothing comes out of.</summary>
    public static MediaFormatException Silent(string? path, TimeSpan patience) =>
        new(path, FormattableString.Invariant($"nothing came out of this pipe for {patience.TotalSeconds:0.#} s. Start the program that writes into it, or use a file."));

    private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 4096, useAsync: true);

    /// <summary>Something that can seek, has no length and yet a first byte: it might never end.</summary>
    private static async Task<bool> IsDeviceAsync(FileStream file, CancellationToken cancellationToken)
    {
        if (!file.CanSeek || file.Length > 0)
        {
            return false;
        }

        bool hasBytes = await file.ReadAsync(new byte[1], cancellationToken).ConfigureAwait(false) > 0;
        file.Seek(0, SeekOrigin.Begin);
        return hasBytes;
    }
}
