using System.Text.Json.Serialization;

namespace M2UGen.Sdk;

/// <summary>One turn of a conversation that is complete. Immutable; safe to share.</summary>
public sealed record ConversationTurn
{
    /// <summary>What the user said.</summary>
    public required string Prompt { get; init; }

    /// <summary>What the model answered, for a reader; empty where the bundle has no language model.</summary>
    public required string Answer { get; init; }

    /// <summary>How long the music was that the turn made; null where it made none.</summary>
    public TimeSpan? MusicDuration { get; init; }

    /// <summary>SHA-256 of the music's samples (interleaved little-endian floats), in lower-case hexadecimal, or null: tells which file belongs to a turn that was read from JSON.</summary>
    public string? MusicHash { get; init; }

    /// <summary>How the turn came about: seeds, options, hashes of what it brought.</summary>
    public required ResultManifest Manifest { get; init; }

    /// <summary>The music itself; null where the turn made none, or where it was read from JSON.</summary>
    [JsonIgnore]
    public MusicResult? Music { get; init; }
}
