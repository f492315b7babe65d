using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The numbers of component <c>t5</c>.</summary>
/// <param name="Width">Width of its states.</param>
/// <param name="VocabularySize">Ids that it has embeddings for.</param>
/// <param name="PadTokenId">The id that pads captions.</param>
/// <param name="MaxTokens">Tokens of a caption at most.</param>
internal sealed record T5TextConfig(int Width, int VocabularySize, int PadTokenId, int MaxTokens)
{
    /// <summary>Reads the bundle's numbers.</summary>
    /// <exception cref="ModelBundleException">One is missing or out of range.</exception>
    public static T5TextConfig From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, MusicGenConfig.TextComponent);
        return new T5TextConfig(
            numbers.Required("hidden_size", most: 1 << 20),
            numbers.Required("vocab_size"),
            numbers.Optional("pad_token_id", least: 0) ?? 0,
            numbers.Optional("max_positions", most: 1 << 20) ?? 512);
    }
}
