namespace M2UGen.Sdk;

/// <summary>Music, and what it was made from. Plain data; safe to share.</summary>
public sealed record MusicResult
{
    /// <summary>The music.</summary>
    public required AudioClip Audio { get; init; }

    /// <summary>The text that conditioned the music: the model's answer, or the prompt itself where the bundle has no language model.</summary>
    public required string Caption { get; init; }

    /// <summary>All pieces that were made for the request, best first; the first is <see cref="Audio"/>. Null for decoders that make one.</summary>
    public IReadOnlyList<MusicCandidate>? Candidates { get; init; }

    /// <summary>The codes the sound was decoded from, [codebooks, frames]; null for decoders without codes.</summary>
    public IReadOnlyList<IReadOnlyList<int>>? Codes { get; init; }

    /// <summary>The language model's answer; null where the bundle has no language model.</summary>
    public AnswerResult? Answer { get; init; }

    /// <summary>Everything needed to make this result again.</summary>
    public required ResultManifest Manifest { get; init; }

    /// <summary>The seed that the music was drawn with: the request's, or the one chosen for it.</summary>
    public ulong Seed => Manifest.MusicSeed;
}
