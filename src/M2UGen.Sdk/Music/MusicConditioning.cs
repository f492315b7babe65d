namespace M2UGen.Sdk;

/// <summary>Everything a piece of music may follow. Which of caption and embedding counts is <see cref="MusicOptions.Conditioning"/>'s choice.</summary>
/// <remarks>Immutable; the memory behind it must not change while music is made.</remarks>
public sealed record MusicConditioning
{
    /// <summary>A description of the music: the language model's answer, or the prompt itself where there is no language model.</summary>
    /// <value>Null: none. The empty text is a caption too (it has an end token).</value>
    public string? Caption { get; init; }

    /// <summary>
    /// The output projector's embedding divided by 10 (it is trained on ten times the text encoder's output), row-major:
    /// MusicGen [positions, text width]; AudioLDM2 [positions · T5 width] followed by [positions · GPT-2 width].
    /// </summary>
    /// <value>Null: none.</value>
    public ReadOnlyMemory<float>? Embedding { get; init; }

    /// <summary>Sound that the music goes on from; it comes first in the result, as the codec renders it. Any rate and number of channels.</summary>
    /// <value>Null: the music starts from nothing.</value>
    public AudioClip? AudioPrompt { get; init; }

    /// <summary>Sound whose pitch classes (chroma) the music follows; only melody models can. Any rate and number of channels.</summary>
    /// <value>Null: no melody.</value>
    public AudioClip? Melody { get; init; }
}
