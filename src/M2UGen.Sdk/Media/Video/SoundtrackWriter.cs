using FFMpegCore;
using M2UGen.Sdk.Media.FFmpeg;

namespace M2UGen.Sdk.Media.Video;

/// <summary>Writes a film's pictures, copied packet by packet, with another sound.</summary>
internal static class SoundtrackWriter
{
    private static readonly string[] WebmCodecs = ["vp8", "vp9", "av1"];

    /// <summary>Writes the new film beside its target and renames it when it is complete.</summary>
    public static async Task WriteAsync(MediaSource source, FilmFacts facts, AudioClip audio, string path, MediaOptions options, CancellationToken cancellationToken)
    {
        string output = OutputArguments(path, facts);
        if (audio.SampleCount == 0)
        {
            throw new ArgumentException("The sound is empty.", nameof(audio));
        }

        MediaTool ffmpeg = MediaTool.Find("ffmpeg", options, $"A film is written by ffmpeg ('{path}')");
        using MediaFile film = await source.OpenFileAsync(options.MaxFileBytes, cancellationToken).ConfigureAwait(false);
        using MediaFile sound = await MediaFile.CreateTemporaryAsync((stream, ct) => audio.SaveAsync(stream, new WavOptions { Encoding = WavEncoding.Float32 }, ct), cancellationToken).ConfigureAwait(false);
        using TemporaryTarget target = new(path);
        target.ThrowIfIs(film.Path);

        string arguments = FFMpegArguments
            .FromInput(new SafeInput(film.Path), o => o.WithCustomArgument($"-nostdin -hide_banner -v error {InputGuard.Arguments(InputGuard.Formats, options.MaxPixels)}"))
            .AddInput(new SafeInput(sound.Path), o => o.WithCustomArgument(InputGuard.Arguments("wav", options.MaxPixels)))
            .OutputTo(new SafeOutput(target.Path), o => o.WithCustomArgument($"-map 0:{facts.Stream} -map 1:a:0 -c:v copy {output} -y"))
            .Arguments;
        ToolRun<object?> run = await ToolRunner.RunAsync(ffmpeg, arguments, source.Path, options.FFmpegTimeout, (_, _) => Task.FromResult<object?>(null), cancellationToken).ConfigureAwait(false);
        if (run.ExitCode != 0)
        {
            throw new MediaFormatException(source.Path, $"the film could not be written with its new sound to '{path}'; ffmpeg says{ToolMessage.Said(run, film)}.");
        }

        target.Complete();
    }

    private static string OutputArguments(string path, FilmFacts facts)
    {
        const string Aac = "-c:a aac -b:a 192k";
        switch (Path.GetExtension(path).ToUpperInvariant())
        {
            case ".MP4" or ".M4V":
                return $"{Aac} -movflags +faststart -f mp4";
            case ".MOV":
                return $"{Aac} -movflags +faststart -f mov";
            case ".MKV":
                return $"{Aac} -f matroska";
            case ".WEBM" when WebmCodecs.Contains(facts.Codec, StringComparer.Ordinal):
                return "-c:a libopus -b:a 160k -f webm";
            case ".WEBM":
                throw new ArgumentException($"WebM holds pictures of VP8, VP9 and AV1, and this film's are {facts.Codec}: name the new film .mp4 or .mkv ('{path}').", nameof(path));
            default:
                throw new ArgumentException($"The new film's name must end with .mp4, .m4v, .mov, .mkv or .webm; found '{path}'.", nameof(path));
        }
    }
}
