namespace M2UGen.Sdk.Pipeline;

/// <summary>A request's media, decoded: exactly what the encoders are shown.</summary>
internal sealed record LoadedMedia
{
    /// <summary>Words alone.</summary>
    public static LoadedMedia None { get; } = new();

    /// <summary>The sound that is listened to.</summary>
    public AudioClip? Audio { get; init; }

    /// <summary>Whether <see cref="Audio"/> is the conversation's last music and not a sound of this turn.</summary>
    public bool IsLastMusic { get; init; }

    /// <summary>The picture.</summary>
    public ImageFrame? Image { get; init; }

    /// <summary>The chosen frames of the film, in order; a frame that was chosen several times stands there several times.</summary>
    public IReadOnlyList<ImageFrame>? Frames { get; init; }

    /// <summary>How long the film is.</summary>
    public TimeSpan? VideoDuration { get; init; }

    /// <summary>Items to encode.</summary>
    public int Count => (Audio is null ? 0 : 1) + (Image is null ? 0 : 1) + (Frames is null ? 0 : 1);
}
