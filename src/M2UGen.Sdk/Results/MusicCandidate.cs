namespace M2UGen.Sdk;

/// <summary>One of several pieces that a decoder made for the same request. Plain data; safe to share.</summary>
/// <param name="Audio">The music.</param>
/// <param name="Index">Its number among the pieces made, from 0: the noise it came from.</param>
/// <param name="Score">The cosine between the sound's and the caption's CLAP embeddings, from -1 to 1; null where nothing was scored.</param>
public sealed record MusicCandidate(AudioClip Audio, int Index, double? Score);
