namespace M2UGen.Sdk;

/// <summary>What of the language model's answer the music decoder listens to.</summary>
/// <remarks>Bundles without a language model (family "musicgen") know captions only; there the prompt itself is the caption.</remarks>
public enum MusicConditioningMode
{
    /// <summary>The answer's text, as the released code does. The default.</summary>
    Caption = 0,

    /// <summary>The output projector's embedding of the eight music tokens' hidden states, as the paper (arXiv:2311.11255) describes.</summary>
    Embedding = 1,

    /// <summary>Caption and embedding together.</summary>
    Both = 2,
}
