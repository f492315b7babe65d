using System.Globalization;

namespace M2UGen.Parity.Kinds.Encoders;

/// <summary>Compares what ViT and ViViT cases store: whole stages, and parts of long ones, which the tensors' names tell.</summary>
internal static class VisionStages
{
    private static readonly string[] Stages = ["patch_embeddings", "embeddings", "last_hidden_state"];

    /// <summary>Compares the stages of one picture or clip.</summary>
    /// <param name="c">The case.</param>
    /// <param name="report">Receives the lines.</param>
    /// <param name="prefix">What the stages' names start with: <c>a.</c>, or nothing.</param>
    /// <param name="outputs">The tapped graph's outputs.</param>
    public static void Compare(ParityCase c, ParityReport report, string prefix, IReadOnlyDictionary<string, (float[] Values, long[] Shape)> outputs)
    {
        foreach (string stage in Stages)
        {
            (float[] values, long[] shape) = outputs[stage];
            foreach (string tensor in c.Expected.Names.Where(name => name == prefix + stage || name.StartsWith($"{prefix}{stage}_", StringComparison.Ordinal)))
            {
                int width = (int)shape[1];
                float[] kept = Part(values, width, tensor[(prefix + stage).Length..]);
                report.Compare(tensor, kept, [kept.Length / width, width]);
            }
        }
    }

    /// <summary>The rows that a name's end tells: all, <c>_first_400</c>, <c>_first_200_last_100</c>.</summary>
    private static float[] Part(float[] values, int width, string name)
    {
        if (name.Length == 0)
        {
            return values;
        }

        string[] words = name.Split('_', StringSplitOptions.RemoveEmptyEntries);
        List<float> kept = [];
        for (int i = 0; i + 1 < words.Length; i += 2)
        {
            int count = Number(words[i + 1]) * width;
            kept.AddRange(words[i] switch
            {
                "first" => values.AsSpan(0, count),
                "last" => values.AsSpan(values.Length - count),
                _ => throw new ParityException($"'{name}' does not tell which rows are stored."),
            });
        }

        return [.. kept];
    }

    /// <summary>The rows <paramref name="rows"/> (numbers joined by '_') of every plane of [planes, height, width].</summary>
    public static float[] Rows(ReadOnlySpan<float> planes, int height, int width, string rows)
    {
        List<float> kept = [];
        for (int start = 0; start < planes.Length; start += height * width)
        {
            foreach (string row in rows.Split('_'))
            {
                kept.AddRange(planes.Slice(start + (Number(row) * width), width));
            }
        }

        return [.. kept];
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
