using System.Diagnostics;

namespace M2UGen.Sdk.Tests.Media;

/// <summary>A folder of small media files that a test makes with ffmpeg; deleted afterwards.</summary>
internal sealed class MadeMedia : IDisposable
{
    public MadeMedia() => Directory.CreateDirectory(Folder);

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), $"m2ugen-media-{Guid.NewGuid():N}");

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Runs ffmpeg in the folder; the last argument is the file it makes.</summary>
    /// <returns>The file's full name.</returns>
    public string Make(params string[] arguments)
    {
        ProcessStartInfo start = new("ffmpeg", ["-nostdin", "-v", "error", "-y", .. arguments]) { WorkingDirectory = Folder, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"ffmpeg {string.Join(' ', arguments)}: {errors}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Fail("This test needs ffmpeg on PATH: 'apt install ffmpeg', 'brew install ffmpeg' or 'winget install Gyan.FFmpeg'.");
        }

        return PathOf(arguments[^1]);
    }

    /// <summary>Writes a file of text.</summary>
    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
