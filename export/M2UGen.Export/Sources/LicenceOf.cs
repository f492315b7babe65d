namespace M2UGen.Export.Sources;

/// <summary>What a model directory itself says about the licence of its weights.</summary>
internal static class LicenceOf
{
    private const string Unknown = "not stated in the source; see where the weights were published";
    private const int MaxLines = 100;

    private static readonly string[] Cards = ["README.md", "MODEL_CARD.md"];

    /// <summary>As <see cref="Directory"/>, of a checkpoint: a directory, or a file with the model card beside it.</summary>
    public static string Checkpoint(string path)
        => Directory(System.IO.Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!);

    /// <summary>The <c>license:</c> of the model card's front matter, or a sentence that there is none.</summary>
    public static string Directory(string directory)
    {
        foreach (string card in Cards.Select(name => Path.Combine(directory, name)).Where(File.Exists))
        {
            using StreamReader reader = new(card);
            char[] start = new char[1 << 16];
            string[] lines = new string(start, 0, reader.ReadBlock(start)).Split('\n', MaxLines);
            for (int i = 1; lines[0].TrimEnd() == "---" && i < lines.Length && lines[i].TrimEnd() != "---"; i++)
            {
                if (lines[i].StartsWith("license:", StringComparison.Ordinal) && lines[i]["license:".Length..].Trim() is { Length: > 0 and < 200 } licence)
                {
                    return licence;
                }
            }
        }

        return Unknown;
    }
}
