using FFMpegCore;
using FFMpegCore.Enums;
using M2UGen.Sdk.Media.FFmpeg;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>Reads sound of every format but WAV, and the sound of films: ffmpeg turns it into a stream of float WAV, which our own reader takes.</summary>
/// <remarks>
/// Rate and channels stay the source's. Whole numbers become v / 2^(bits - 1), exactly up to 24 bits. ffmpeg cuts what encoders put before the sound
/// (edit lists of MP4, LAME's tag of MP3, Opus' pre-skip), so sample 0 is the source's. Of several sound tracks the first is taken.
/// </remarks>
internal static class FFmpegAudioReader
{
    private const string NoTrack = "matches no streams";

    /// <summary>Reads the whole sound.</summary>
    /// <param name="source">Where it comes from.</param>
    /// <param name="kind">What the file seems to be, such as "a FLAC file"; null if nothing is known.</param>
    /// <param name="options">The limits.</param>
    /// <param name="cancellationToken">Stops ffmpeg.</param>
    /// <exception cref="MediaFormatException">There is no sound in it, it is damaged, or it exceeds the limits.</exception>
    /// <exception cref="MediaToolException">There is no ffmpeg.</exception>
    public static async Task<WavContent> ReadAsync(MediaSource source, string? kind, MediaOptions options, CancellationToken cancellationToken)
    {
        MediaTool ffmpeg = MediaTool.Find("ffmpeg", options, $"{source} is {kind ?? "no WAV file"}, which ffmpeg reads");
        using MediaFile file = await source.OpenFileAsync(options.MaxFileBytes, cancellationToken).ConfigureAwait(false);
        ToolRun<WavContent?> run = await ToolRunner.RunAsync(ffmpeg, Arguments(file.Path, options), source.Path, options.FFmpegTimeout, (output, ct) => ReadOutputAsync(output, source.Path, options, ct), cancellationToken).ConfigureAwait(false);
        if (run.ExitCode == 0 && run.Value is { } content)
        {
            return content;
        }

        throw run.Errors.Contains(NoTrack, StringComparison.Ordinal)
            ? new MediaFormatException(source.Path, "there is no sound in it, only pictures or other data.")
            : ToolMessage.Refuse("sound", run, source, file);
    }

    private static string Arguments(string path, MediaOptions options) => FFMpegArguments
        .FromInput(new SafeInput(path), o => o.WithCustomArgument($"-nostdin -hide_banner -v error {InputGuard.Arguments(InputGuard.Formats, options.MaxPixels)}"))
        .OutputToUrl("pipe:1", o => o.WithMap(0, StreamType.Audio, 0).WithoutMetadata().WithAudioCodec("pcm_f32le").WithCustomArgument("-bitexact -f wav"))
        .Arguments;

    /// <summary>Null where ffmpeg wrote nothing; its exit code and message then say why.</summary>
    private static async Task<WavContent?> ReadOutputAsync(Stream output, string? path, MediaOptions options, CancellationToken cancellationToken)
    {
        byte[] head = new byte[AudioSignature.HeadBytes];
        int read = await output.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (read < head.Length)
        {
            return null;
        }

        HeadedStream whole = new(head.AsMemory(0, read), output);
        await using (whole.ConfigureAwait(false))
        {
            return await WavReader.ReadAsync(whole, path, options, cancellationToken).ConfigureAwait(false);
        }
    }
}
