using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

/// <summary>Numbers of a MusicGen that exists in tests only.</summary>
internal static class TinyConfig
{
    public static MusicGenConfig Create(int codebooks, int channels, int positions = 100, int samplesPerFrame = 640) => new()
    {
        Layers = 1,
        Heads = 1,
        HeadSize = 8,
        HiddenSize = 4,
        CrossHeadSize = 4,
        Codebooks = codebooks,
        Channels = channels,
        VocabularySize = 16,
        PadTokenId = 16,
        StartTokenId = 16,
        MaxPositions = positions,
        TextWidth = 3,
        TextVocabularySize = 100,
        TextPadTokenId = 0,
        MaxCaptionTokens = 10,
        PaddedCaptionTokens = 6,
        IsMelody = false,
        Chroma = null,
        Codec = new EncodecConfig(32000, samplesPerFrame, codebooks / channels, 16, 1, 1, 3, 3, 1, 1),
        Defaults = new MusicGenDefaults(),
    };
}
