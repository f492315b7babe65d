using M2UGen.Sdk.Media.FFmpeg;
using SkiaSharp;

namespace M2UGen.Sdk.Diagnostics.Checks;

/// <summary>What decodes media: ffmpeg's programs, and Skia's native library. A pipeline of words and WAV files needs neither, so what is missing is a warning.</summary>
internal static class MediaCheck
{
    private const string Section = "media";

    public static void Run(FindingList findings, MediaOptions media)
    {
        foreach (string tool in (string[])["ffmpeg", "ffprobe"])
        {
            findings.Guard(Section, tool, () => findings.Add(Section, tool, DoctorStatus.Ok, MediaTool.Find(tool, media, "Sound other than WAV and films need it").Path), DoctorStatus.Warning);
        }

        try
        {
            string version = SkiaSharpVersion.Native.ToString();
            findings.Add(Section, "libSkiaSharp", DoctorStatus.Ok, version);
        }
        catch (Exception exception) when (exception is DllNotFoundException or TypeInitializationException or BadImageFormatException or EntryPointNotFoundException or InvalidOperationException)
        {
            findings.Add(
                Section,
                "libSkiaSharp",
                DoctorStatus.Warning,
                "Pictures cannot be decoded: the native library was not loaded. Publish the SkiaSharp packages' native files with the application.",
                $"the loader says: {(exception.InnerException ?? exception).Message.ReplaceLineEndings(" ")}");
        }
    }
}
