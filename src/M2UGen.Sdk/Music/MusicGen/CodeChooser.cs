namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Makes the chooser that a request asks for, the bundle's defaults where it says nothing.</summary>
internal static class CodeChooser
{
    /// <param name="defaults">The bundle's own settings.</param>
    /// <param name="options">The request's.</param>
    /// <param name="seed">Start of the random sequences.</param>
    /// <param name="pieces">Pieces of music in the batch: each has a sequence of its own.</param>
    public static ICodeChooser Create(MusicGenDefaults defaults, MusicOptions options, ulong seed, int pieces)
    {
        double temperature = options.Temperature ?? defaults.Temperature;
        return !(options.Sample ?? defaults.Sample) || temperature == 0
            ? new GreedyChooser()
            : throw new UnsupportedCapabilityException("sampling", $"Drawing codes at random (seed {seed}, {pieces} pieces) is not there yet. Set MusicOptions.Sample to false.");
    }
}
