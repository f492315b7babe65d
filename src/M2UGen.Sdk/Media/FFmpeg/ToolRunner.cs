using System.ComponentModel;
using System.Diagnostics;

namespace M2UGen.Sdk.Media.FFmpeg;

/// <summary>Runs ffmpeg or ffprobe over one file: output as a stream, a time limit, and no process left behind.</summary>
/// <remarks>
/// Own code although FFMpegCore has a runner: that one reads a configuration file from the working directory by reflection (no AOT), goes through named pipes
/// and knows no limits. See docs/decisions/0005-ffmpeg.md.
/// </remarks>
internal static class ToolRunner
{
    private const int MaxErrorCharacters = 4096;
    private static readonly TimeSpan ExitGrace = TimeSpan.FromSeconds(10);

    /// <summary>Starts the program, hands its output to <paramref name="read"/>, and waits for its end. When reading fails, the time is over or the caller cancels, the program is killed.</summary>
    /// <param name="tool">The program.</param>
    /// <param name="arguments">Its command line, quoted by <see cref="SafeInput.Quote"/>.</param>
    /// <param name="path">The file it works on, for messages; null for streams and bytes.</param>
    /// <param name="timeout">The longest run.</param>
    /// <param name="read">Reads the standard output; what it leaves is thrown away.</param>
    /// <param name="cancellationToken">Stops the program.</param>
    /// <exception cref="MediaToolException">The program does not start.</exception>
    /// <exception cref="MediaFormatException">It took too long, or <paramref name="read"/> refused what it gave.</exception>
    public static async Task<ToolRun<T>> RunAsync<T>(MediaTool tool, string arguments, string? path, TimeSpan timeout, Func<Stream, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using Process process = Start(tool, arguments);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);

        // A read from a pipe cannot be cancelled everywhere; killing the writer ends it. What the writer started and left behind may hold the pipe open
        // for ever, so nothing is waited for without the limit.
        using CancellationTokenRegistration kill = limit.Token.Register(() => Kill(process));
        Task<string> errors = ReadTailAsync(process.StandardError);
        try
        {
            process.StandardInput.Close();
            T value = await read(process.StandardOutput.BaseStream, limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            await process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            limit.Token.ThrowIfCancellationRequested();
            return new ToolRun<T>(value, process.ExitCode, await errors.WaitAsync(limit.Token).ConfigureAwait(false));
        }
        catch (Exception) when (limit.IsCancellationRequested)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new MediaFormatException(path, FormattableString.Invariant($"{tool.Name} was stopped after {timeout.TotalSeconds:0.#} s. Use a shorter or smaller file, or raise MediaOptions.FFmpegTimeout."));
        }
        finally
        {
            await EndAsync(process).ConfigureAwait(false);
        }
    }

    private static Process Start(MediaTool tool, string arguments)
    {
        ProcessStartInfo start = new(tool.Path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
        };

        // It would make ffmpeg write a report file into the working directory.
        start.Environment.Remove("FFREPORT");
        try
        {
            return Process.Start(start) ?? throw new InvalidOperationException("no process was started");
        }
        catch (Exception failed) when (failed is Win32Exception or InvalidOperationException)
        {
            throw tool.NotStarted(failed);
        }
    }

    private static async Task EndAsync(Process process)
    {
        if (process.HasExited)
        {
            return;
        }

        Kill(process);
        using CancellationTokenSource grace = new(ExitGrace);
        try
        {
            await process.WaitForExitAsync(grace.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The system does not let go of it; nothing more can be done about it here.
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception gone) when (gone is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended by itself.
        }
    }

    /// <summary>Reads all, so that the program never waits, and keeps the end.</summary>
    private static async Task<string> ReadTailAsync(StreamReader reader)
    {
        char[] block = new char[MaxErrorCharacters];
        string tail = "";
        int read;
        while ((read = await reader.ReadAsync(block).ConfigureAwait(false)) > 0)
        {
            tail += new string(block, 0, read);
            tail = tail.Length <= MaxErrorCharacters ? tail : tail[^MaxErrorCharacters..];
        }

        return tail;
    }
}
