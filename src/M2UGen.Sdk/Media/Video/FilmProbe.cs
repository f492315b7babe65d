using System.Globalization;
using System.Text.Json;
using M2UGen.Sdk.Media.FFmpeg;
using M2UGen.Sdk.Media.Image;

namespace M2UGen.Sdk.Media.Video;

/// <summary>Reads a film's header and counts its frames, with ffprobe.</summary>
/// <remarks>
/// Frames are counted without decoding where that is sure to give the number that decoding gives: all packets are whole, agree with the header where it
/// counts frames, and belong to a codec whose packets show one frame each. Else the film is decoded once for its frames' times.
/// </remarks>
internal sealed class FilmProbe
{
    private const int MaxHeaderBytes = 4 << 20;
    private const string What = "film";

    // VP8's hidden frames are packets of their own; MPEG-4's packed packets hold two frames; of others nothing is known.
    private static readonly string[] OneFramePackets = ["h264", "hevc", "vp9", "av1"];

    private readonly MediaTool _ffprobe;
    private readonly MediaSource _source;
    private readonly MediaFile _file;
    private readonly MediaOptions _options;

    private FilmProbe(MediaTool ffprobe, MediaSource source, MediaFile file, MediaOptions options) => (_ffprobe, _source, _file, _options) = (ffprobe, source, file, options);

    /// <summary>Reads header and frame times.</summary>
    /// <exception cref="MediaFormatException">There are no moving pictures in it, it is damaged, or it exceeds the limits.</exception>
    /// <exception cref="MediaToolException">There is no ffprobe.</exception>
    public static async Task<FilmFacts> RunAsync(MediaSource source, MediaFile file, MediaOptions options, CancellationToken cancellationToken)
    {
        MediaTool ffprobe = MediaTool.Find("ffprobe", options, $"{source} is a film, which ffprobe opens");
        return await new FilmProbe(ffprobe, source, file, options).RunAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<FilmFacts> RunAsync(CancellationToken cancellationToken)
    {
        const string Entries = "format=duration:stream=index,codec_type,codec_name,width,height,nb_frames,field_order:stream_disposition=attached_pic:stream_side_data=displaymatrix,rotation";
        using JsonDocument json = await ProbeAsync($"-show_entries {Entries} -of json", ReadJsonAsync, cancellationToken).ConfigureAwait(false);
        JsonElement[] streams = json.RootElement.TryGetProperty("streams", out JsonElement all) ? [.. all.EnumerateArray()] : [];
        JsonElement[] pictures = [.. streams.Where(s => Text(s, "codec_type") == "video")];
        JsonElement stream = pictures.FirstOrDefault(s => !IsCover(s));
        if (stream.ValueKind == JsonValueKind.Undefined)
        {
            throw Refuse(pictures.Length > 0 ? "there are no moving pictures in it, only a cover picture." : streams.Length > 0 ? "there are no pictures in it, only sound or other data." : "there is neither a picture nor a sound in it.");
        }

        (int width, int height) = (Number(stream, "width"), Number(stream, "height"));
        ThrowIfImpossible(width, height);
        int index = Number(stream, "index");
        int headerFrames = Number(stream, "nb_frames");
        string codec = Text(stream, "codec_name") ?? "unknown";
        double? seconds = json.RootElement.TryGetProperty("format", out JsonElement format) && double.TryParse(Text(format, "duration"), NumberStyles.Float, CultureInfo.InvariantCulture, out double stated) ? stated : null;
        ThrowIfTooLong(seconds ?? 0);

        PacketList packets = await ProbeAsync($"-select_streams {index} -show_entries packet=pts_time,duration_time,flags -of compact=p=0", ReadPacketsAsync, cancellationToken).ConfigureAwait(false);
        bool progressive = Text(stream, "field_order") is null or "progressive" or "unknown";
        bool sure = packets.AllWhole && progressive && (headerFrames == 0 || headerFrames == packets.Count) && OneFramePackets.Contains(codec, StringComparer.Ordinal);
        IReadOnlyList<double> times = sure
            ? packets.Shown()
            : await ProbeAsync($"-select_streams {index} -show_entries frame=best_effort_timestamp_time -of compact=p=0", ReadFramesAsync, cancellationToken).ConfigureAwait(false);
        if (times.Count == 0)
        {
            throw Refuse("not one frame of it can be decoded; it is damaged.");
        }

        // A raw stream states no length: then it is that of the pictures.
        double length = seconds ?? packets.Length;
        ThrowIfTooLong(length);
        (int rotation, int orientation) = DisplayMatrix(stream);
        return new FilmFacts
        {
            Stream = index,
            Codec = codec,
            Width = width,
            Height = height,
            HeaderFrameCount = headerFrames,
            Rotation = rotation,
            Orientation = orientation,
            HasAudio = streams.Any(s => Text(s, "codec_type") == "audio"),
            Seconds = length,
            FrameTimes = times,
        };
    }

    private async Task<T> ProbeAsync<T>(string what, Func<Stream, CancellationToken, Task<T?>> read, CancellationToken cancellationToken)
        where T : class
    {
        string arguments = $"-hide_banner -v error {InputGuard.Arguments(InputGuard.Formats, _options.MaxPixels)} {what} -i {SafeInput.Url(_file.Path)}";
        ToolRun<T?> run = await ToolRunner.RunAsync(_ffprobe, arguments, _source.Path, _options.FFmpegTimeout, read, cancellationToken).ConfigureAwait(false);
        if (ToolMessage.OverPixelLimit(run.Errors, _source) is { } tooLarge)
        {
            throw tooLarge;
        }

        return run.ExitCode == 0 && run.Value is { } value ? value : throw ToolMessage.Refuse(What, run, _source, _file);
    }

    /// <summary>Null where the output is no whole JSON text, as when ffprobe failed.</summary>
    private async Task<JsonDocument?> ReadJsonAsync(Stream output, CancellationToken cancellationToken)
    {
        using MemoryStream text = new();
        byte[] block = new byte[1 << 14];
        int read;
        while ((read = await output.ReadAsync(block, cancellationToken).ConfigureAwait(false)) > 0)
        {
            text.Write(block, 0, read);
            if (text.Length > MaxHeaderBytes)
            {
                throw Refuse($"its header describes so many streams that the list has more than {MaxHeaderBytes} bytes; it is damaged.");
            }
        }

        try
        {
            return JsonDocument.Parse(text.GetBuffer().AsMemory(0, (int)text.Length));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private async Task<PacketList?> ReadPacketsAsync(Stream output, CancellationToken cancellationToken)
    {
        PacketList packets = new();
        await ReadLinesAsync(output, line => ThrowIfTooMany(packets.Add(line)), cancellationToken).ConfigureAwait(false);
        return packets;
    }

    private async Task<List<double>?> ReadFramesAsync(Stream output, CancellationToken cancellationToken)
    {
        List<double> times = [];
        await ReadLinesAsync(output, Add, cancellationToken).ConfigureAwait(false);
        return times;

        void Add(string line)
        {
            if (PacketList.Field(line, "best_effort_timestamp_time") is { } text)
            {
                // A frame without a time follows the one before it at once.
                times.Add(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double time) ? time : times.LastOrDefault());
                ThrowIfTooMany(times.Count);
            }
        }
    }

    private static async Task ReadLinesAsync(Stream output, Action<string> add, CancellationToken cancellationToken)
    {
        using StreamReader reader = new(output, leaveOpen: true);
        while (await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            add(line);
        }
    }

    /// <summary>Rotation in degrees and what undoes it.</summary>
    private static (int Rotation, int Orientation) DisplayMatrix(JsonElement stream)
    {
        if (stream.TryGetProperty("side_data_list", out JsonElement list))
        {
            foreach (JsonElement data in list.EnumerateArray())
            {
                if (Text(data, "displaymatrix") is { } matrix)
                {
                    return (Number(data, "rotation"), FrameOrientation.FromMatrix(matrix));
                }
            }
        }

        return (0, 1);
    }

    private static bool IsCover(JsonElement stream) => stream.TryGetProperty("disposition", out JsonElement disposition) && Number(disposition, "attached_pic") == 1;

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A number that ffprobe writes as a number or as text; 0 where it is absent.</summary>
    private static int Number(JsonElement element, string name)
    {
        if (!element.TryGetProperty(name, out JsonElement value))
        {
            return 0;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) ? (int)Math.Clamp(Math.Round(number), int.MinValue, int.MaxValue)
            : int.TryParse(Text(element, name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int parsed) ? parsed
            : 0;
    }

    private void ThrowIfImpossible(int width, int height)
    {
        if (width < 1 || height < 1)
        {
            throw Refuse("the size of its pictures is not known; it is damaged, or of a codec unknown to the installed ffmpeg.");
        }

        // An array holds 2^31 bytes, and 3 are needed a pixel.
        long most = Math.Min(_options.MaxPixels, Array.MaxLength / ImageFrame.Channels);
        if ((long)width * height > most || Math.Max(width, height) > Resizer.MaxSide)
        {
            throw Refuse($"its frames have {width} x {height} pixels; {most} pixels and sides of {Resizer.MaxSide} are allowed. Use a smaller film, or raise MediaOptions.MaxPixels.");
        }
    }

    private void ThrowIfTooLong(double seconds)
    {
        if (!(seconds >= 0 && seconds <= _options.MaxDuration.TotalSeconds))
        {
            throw Refuse(FormattableString.Invariant($"the film is {seconds:0.#} s long; {_options.MaxDuration.TotalSeconds:0.#} s are allowed. Cut the film, or raise MediaOptions.MaxDuration."));
        }
    }

    private void ThrowIfTooMany(int frames)
    {
        if (frames > _options.MaxFrames)
        {
            throw Refuse($"the film has more than {_options.MaxFrames} frames. Cut the film, or raise MediaOptions.MaxFrames.");
        }
    }

    private MediaFormatException Refuse(string message) => new(_source.Path, message);
}
