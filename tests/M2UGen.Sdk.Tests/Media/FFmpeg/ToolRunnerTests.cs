using System.Diagnostics;
using System.Globalization;
using M2UGen.Sdk.Media.FFmpeg;

namespace M2UGen.Sdk.Tests.Media.FFmpeg;

/// <summary>How ffmpeg is found and run, with scripts in its place.</summary>
public sealed class ToolRunnerTests : IDisposable
{
    private readonly MadeMedia _media = new();

    public void Dispose() => _media.Dispose();

    [Fact]
    public async Task LoadAsync_NoFFmpeg_SaysWhatWasLookedForAndHowToInstallIt()
    {
        string song = _media.Write("song.flac", "fLaC and more");
        MediaOptions options = new() { FFmpegPath = _media.PathOf("nowhere") };
        MediaToolException error = await Assert.ThrowsAsync<MediaToolException>(() => AudioClip.LoadAsync(song, options));
        Assert.Equal("ffmpeg", error.Tool);
        foreach (string part in new[] { song, "FLAC", options.FFmpegPath, "apt install", "brew install", "winget install", "MediaOptions.FFmpegPath" })
        {
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
        }

        await AudioClip.FromSamples([0f], 8000).SaveAsync(_media.PathOf("song.wav"));
        Assert.Equal(1, (await AudioClip.LoadAsync(_media.PathOf("song.wav"), options)).SampleCount);
    }

    [Fact]
    public void Find_Directory_FindsBothPrograms()
    {
        string suffix = OperatingSystem.IsWindows() ? ".exe" : "";
        foreach (string name in new[] { "ffmpeg", "ffprobe" })
        {
            string program = _media.Write(name + suffix, "");
            Assert.Equal(program, MediaTool.Find(name, new() { FFmpegPath = _media.Folder }, "x").Path);
            Assert.Equal(program, MediaTool.Find(name, new() { FFmpegPath = _media.PathOf("ffmpeg" + suffix) }, "x").Path);
        }
    }

    [Fact]
    public async Task RunAsync_FileThatIsNoProgram_SaysThatItDoesNotStart()
    {
        MediaTool tool = new("ffmpeg", _media.Write("ffmpeg", "not a program"));
        MediaToolException error = await Assert.ThrowsAsync<MediaToolException>(() => Run(tool, TimeSpan.FromSeconds(30), CancellationToken.None));
        Assert.Contains("cannot be started", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_OutputErrorsAndStatus_ComeBack()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // More errors than a pipe holds: whoever does not read them waits for ever.
        MediaTool tool = Script("i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i+1)); done; printf \"[$1][$2]\"; exit 3");
        ToolRun<string> run = await ToolRunner.RunAsync(tool, $"{SafeInput.Quote("a \"b\" \\")} {SafeInput.Quote("")}", null, TimeSpan.FromMinutes(1), ReadText, CancellationToken.None);
        Assert.Equal(("[a \"b\" \\][]", 3), (run.Value, run.ExitCode));
        Assert.EndsWith("line 19999\n", run.Errors, StringComparison.Ordinal);
        Assert.InRange(run.Errors.Length, 1000, 4096);
    }

    [Fact]
    public async Task RunAsync_TooLong_StopsTheProgramAndWhatItStarted()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        MediaTool tool = Script($"echo $$ > {_media.PathOf("pid")}; sleep 600 & echo $! >> {_media.PathOf("pid")}; wait");
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => Run(tool, TimeSpan.FromSeconds(1), CancellationToken.None));
        Assert.Contains("MediaOptions.FFmpegTimeout", error.Message, StringComparison.Ordinal);
        AssertEnded();
    }

    [Fact]
    public async Task RunAsync_ProgramThatLeavesAnotherBehind_EndsAtTheLimit()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // The program has ended, and the one it left behind holds its output open.
        MediaTool tool = Script($"sleep 600 & echo $! > {_media.PathOf("pid")}; exit 0");
        await Assert.ThrowsAsync<MediaFormatException>(() => Run(tool, TimeSpan.FromSeconds(1), CancellationToken.None));
        using Process left = Process.GetProcessById(int.Parse(File.ReadAllText(_media.PathOf("pid")), CultureInfo.InvariantCulture));
        Assert.False(left.HasExited);
        left.Kill();
    }

    [Fact]
    public async Task RunAsync_Cancelled_ThrowsTheCallersToken()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        MediaTool tool = Script($"echo $$ > {_media.PathOf("pid")}; exec sleep 600");
        using CancellationTokenSource cancel = new();
        Task run = Run(tool, TimeSpan.FromMinutes(5), cancel.Token);
        while (!File.Exists(_media.PathOf("pid")))
        {
            await Task.Delay(5);
        }

        await cancel.CancelAsync();
        Assert.Equal(cancel.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run)).CancellationToken);
        AssertEnded();
    }

    [Fact]
    public async Task RunAsync_ReaderThatRefuses_StopsTheProgram()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        MediaTool tool = Script($"echo $$ > {_media.PathOf("pid")}; while :; do echo more; done");
        await Assert.ThrowsAsync<MediaFormatException>(() => ToolRunner.RunAsync<int>(tool, "", null, TimeSpan.FromMinutes(5), async (output, ct) =>
        {
            await output.ReadExactlyAsync(new byte[1000], ct);
            throw new MediaFormatException(null, "enough");
        }, CancellationToken.None));
        AssertEnded();
    }

    private static Task Run(MediaTool tool, TimeSpan timeout, CancellationToken cancellationToken) => ToolRunner.RunAsync(tool, "", null, timeout, ReadText, cancellationToken);

    private static async Task<string> ReadText(Stream output, CancellationToken cancellationToken)
    {
        using StreamReader reader = new(output, leaveOpen: true);
        return await reader.ReadToEndAsync(cancellationToken);
    }

    private MediaTool Script(string body)
    {
        string path = _media.Write("tool", $"#!/bin/sh\n{body}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        return new MediaTool("ffmpeg", path);
    }

    private void AssertEnded()
    {
        foreach (string line in File.ReadAllLines(_media.PathOf("pid")))
        {
            // One that nobody waited for may linger as a name without a program.
            int id = int.Parse(line, CultureInfo.InvariantCulture);
            string status = $"/proc/{id}/stat";
            bool runs = File.Exists(status) ? !File.ReadAllText(status).Contains(") Z ", StringComparison.Ordinal) : Process.GetProcesses().Any(p => p.Id == id);
            Assert.False(runs, $"Process {id} still runs.");
        }
    }
}
