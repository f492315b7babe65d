using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>Patterns of a case: input NAME/prompt, expected NAME/start and NAME/mask.</summary>
internal static class DelayTensors
{
    private const string Prompt = "/prompt";

    /// <summary>Compares all patterns whose name begins with <paramref name="prefix"/>; the checkpoint's numbers are the model's.</summary>
    public static void Compare(ParityCase c, ParityReport report, string prefix, MusicGenConfig config)
    {
        foreach (string input in c.Inputs.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(Prompt, StringComparison.Ordinal)))
        {
            string pattern = input[..^Prompt.Length];
            long[] shape = c.Inputs.Shape(input);
            int length = (int)c.Expected.Shape($"{pattern}/mask")[^1];
            DelayPattern delay = new(config.Codebooks, config.Channels, config.PadTokenId, c.Inputs.Int64(input), (int)shape[^1], length);
            report.CompareExact($"{pattern}/start", delay.BuildStartIds(), [delay.Rows, delay.StartLength]);
            report.CompareExact($"{pattern}/mask", delay.BuildMask(), [delay.Rows, delay.Length]);
        }
    }
}
