using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The bundle's T5 tokenizer as captions need it.</summary>
internal static class CaptionTokenizer
{
    /// <summary>Opens the bundle's tokenizer `t5`.</summary>
    /// <returns>A caption's ids with the end token, cut to the given number of tokens.</returns>
    /// <exception cref="ModelBundleException">The bundle has no such tokenizer, or its files are damaged.</exception>
    public static Func<string, int, int[]> Open(ModelBundle bundle) =>
        (_, _) => throw new UnsupportedCapabilityException("captions", $"The T5 tokenizer of '{bundle.Directory}' is not there yet.");
}
