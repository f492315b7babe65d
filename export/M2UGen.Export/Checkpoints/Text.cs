namespace M2UGen.Export.Checkpoints;

/// <summary>Text from a stranger's file, made fit for a message.</summary>
internal static class Text
{
    private const int MaxLength = 120;

    /// <summary>The text in quotes, shortened to 120 characters, control characters and lone surrogates replaced.</summary>
    public static string Quote(string text)
    {
        ReadOnlySpan<char> shown = text.AsSpan(0, Math.Min(text.Length, MaxLength));
        char[] clean = new char[shown.Length];
        for (int i = 0; i < shown.Length; i++)
        {
            clean[i] = char.IsControl(shown[i]) || char.IsSurrogate(shown[i]) ? '?' : shown[i];
        }

        return $"'{new string(clean)}{(text.Length > MaxLength ? "…" : string.Empty)}'";
    }
}
