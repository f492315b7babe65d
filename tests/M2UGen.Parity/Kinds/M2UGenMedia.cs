using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Sdk.Encoders;

namespace M2UGen.Parity.Kinds;

/// <summary>The sound, pictures and films that a case's rows name, read as a user's would be and encoded once each, with the reference's habits.</summary>
internal sealed class M2UGenMedia(ParityCase c, MediaEncoders senses)
{
    private readonly Dictionary<string, float[]> features = new(StringComparer.Ordinal);

    /// <summary>The encoders of the case's bundle.</summary>
    public MediaEncoders Senses => senses;

    /// <summary>The feature of every medium that a row of case.json names.</summary>
    public MediaFeatures Features(JsonElement row, CancellationToken cancellationToken) => new()
    {
        Audio = FileOf(row, "audio") is { } audio ? Feature(audio, () => senses.EncodeAudio(Audio(audio), Fidelity.Reference, null, cancellationToken)) : null,
        Image = FileOf(row, "image") is { } image ? Feature(image, () => senses.EncodeImage(Image(image), cancellationToken)) : null,
        Video = FileOf(row, "video") is { } video ? Feature(video, () => senses.EncodeVideo(Frames(video), cancellationToken)) : null,
    };

    /// <summary>A file of the case's media by its name without the ending; null where this copy of the case has none.</summary>
    /// <exception cref="ParityException">There are several.</exception>
    public string? FileCalled(string stem)
    {
        string[] found = [.. Directory.EnumerateFiles(c.FileOf("media"), $"{stem}.*").Select(path => Path.GetFileName(path))];
        return found.Length < 2 ? found.SingleOrDefault() : throw new ParityException($"'{c.FileOf("media")}' has {found.Length} files called '{stem}'.");
    }

    /// <summary>The first file that a row names and this copy of the case does not have, or null.</summary>
    public string? MissingFile(JsonElement row) =>
        ((string[])["audio", "image", "video"]).Select(medium => FileOf(row, medium)).FirstOrDefault(file => file is not null && !File.Exists(PathOf(file)));

    /// <summary>Why a row is left out whose file is not there.</summary>
    public static string Absent(string file) => $"this copy of the case lacks '{file}'";

    /// <summary>The file that a row names for a medium, or null.</summary>
    public static string? FileOf(JsonElement row, string medium) =>
        row.TryGetProperty(medium, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>The request with the media that a row names: sound and picture as files, of a film the frames that the reference saw, whose place it drew at random.</summary>
    public M2UGenRequest Attach(JsonElement row, M2UGenRequest request)
    {
        request = FileOf(row, "audio") is { } audio ? request.WithAudio(PathOf(audio)) : request;
        request = FileOf(row, "image") is { } image ? request.WithImage(PathOf(image)) : request;
        return FileOf(row, "video") is { } video ? request.WithVideo(VideoClip.FromFrames(Frames(video), TimeSpan.FromSeconds(1))) : request;
    }

    public AudioClip Audio(string file) => AudioClip.LoadAsync(PathOf(file)).GetAwaiter().GetResult();

    public ImageFrame Image(string file) => ImageFrame.LoadAsync(PathOf(file)).GetAwaiter().GetResult();

    /// <summary>The frames that the reference's model saw: as many as the encoder takes, from <c>video_start</c> on.</summary>
    public IReadOnlyList<ImageFrame> Frames(string file)
    {
        int start = c.Json.GetProperty("video_start").GetProperty(file).GetInt32();
        int[] indices = [.. Enumerable.Range(start, senses.VideoFrameCount)];
        string tensor = $"{Path.GetFileNameWithoutExtension(file)}.frames";
        if (File.Exists(Path.Combine(c.Folder, "inputs.safetensors")) && c.Inputs.Has(tensor))
        {
            // [frames, height, width, 3] bytes: all frames of the film, as the reference decoded them.
            int[] shape = Array.ConvertAll(c.Inputs.Shape(tensor), size => (int)size);
            byte[] pixels = Array.ConvertAll(c.Inputs.Int64(tensor), value => (byte)value);
            int size = shape[1] * shape[2] * shape[3];
            return [.. indices.Select(index => ImageFrame.FromRgb(pixels.AsSpan(index * size, size), shape[2], shape[1]))];
        }

        VideoClip film = VideoClip.OpenAsync(PathOf(file)).GetAwaiter().GetResult();
        return film.ReadFramesAsync(indices, applyRotation: false, CancellationToken.None).GetAwaiter().GetResult();
    }

    private float[] Feature(string file, Func<float[]> encode)
    {
        if (!features.TryGetValue(file, out float[]? feature))
        {
            feature = encode();
            features.Add(file, feature);
        }

        return feature;
    }

    private string PathOf(string file) => Path.Combine(c.FileOf("media"), file);
}
