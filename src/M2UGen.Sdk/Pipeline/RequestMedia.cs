namespace M2UGen.Sdk.Pipeline;

/// <summary>What a request brings besides its words. Immutable.</summary>
internal sealed record RequestMedia
{
    /// <summary>Words alone.</summary>
    public static RequestMedia None { get; } = new();

    /// <summary>Sound to listen to.</summary>
    public MediaItem<AudioClip>? Audio { get; init; }

    /// <summary>A picture to look at.</summary>
    public MediaItem<ImageFrame>? Image { get; init; }

    /// <summary>A film to look at; its sound is not heard.</summary>
    public MediaItem<VideoClip>? Video { get; init; }

    /// <summary>The music that a conversation made last: listened to where the turn brings no sound of its own and the bundle can hear.</summary>
    public AudioClip? LastMusic { get; init; }

    /// <summary>Whether the caller of the request gave anything; the conversation's last music does not count.</summary>
    public bool IsEmpty => Audio is null && Image is null && Video is null;
}
