using System.Globalization;

namespace M2UGen.Export.Checkpoints;

/// <summary>LLaMA weights as Meta released them: one file for each model-parallel rank, merged when read.</summary>
/// <remarks>The rule is LLaMA-Adapter's loader (column-parallel layers along dimension 0, row-parallel ones and the embedding along the last, the rest replicated).</remarks>
internal sealed class MetaShards : Checkpoint
{
    private readonly Checkpoint[] shards;
    private readonly Dictionary<string, CheckpointTensor> tensors;

    private MetaShards(string path, Checkpoint[] shards, Dictionary<string, CheckpointTensor> tensors)
        : base(path)
    {
        this.shards = shards;
        this.tensors = tensors;
        Files = [.. shards.SelectMany(s => s.Files)];
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, CheckpointTensor> Tensors => tensors;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files { get; }

    /// <summary>Opens all shards of a directory.</summary>
    public static new MetaShards Open(string directory)
    {
        List<Checkpoint> shards = [];
        try
        {
            foreach (string path in FindShards(directory))
            {
                shards.Add(OpenFile(path));
            }

            Dictionary<string, CheckpointTensor> tensors = new(StringComparer.Ordinal);
            foreach ((string name, CheckpointTensor first) in shards[0].Tensors)
            {
                tensors.Add(name, shards.Count == 1 ? first : Merge(directory, name, shards));
            }

            foreach (Checkpoint shard in shards)
            {
                if (shard.Tensors.Keys.FirstOrDefault(n => !tensors.ContainsKey(n)) is { } extra)
                {
                    throw new CheckpointException(shard.Path, $"holds tensor {Text.Quote(extra)}, which '{shards[0].Path}' does not. The shards are of different checkpoints.");
                }
            }

            return new MetaShards(directory, [.. shards], tensors);
        }
        catch
        {
            shards.ForEach(s => s.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (Checkpoint shard in shards)
        {
            shard.Dispose();
        }
    }

    private static List<string> FindShards(string directory)
    {
        if (!Directory.Exists(directory))
        {
            throw new CheckpointException(directory, "there is no such directory.");
        }

        SortedDictionary<int, string> found = [];
        foreach (string path in Directory.EnumerateFiles(directory, "consolidated.*.pth"))
        {
            string number = System.IO.Path.GetFileName(path)["consolidated.".Length..^".pth".Length];
            if (number.Length is > 0 and <= 4 && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int rank) && !found.TryAdd(rank, path))
            {
                throw new CheckpointException(directory, $"holds shard {rank} twice: '{found[rank]}' and '{path}'.");
            }
        }

        if (found.Count == 0)
        {
            throw new CheckpointException(directory, "holds no consolidated.00.pth, consolidated.01.pth, ….");
        }

        int missing = Enumerable.Range(0, found.Count).FirstOrDefault(i => !found.ContainsKey(i), -1);
        return missing < 0
            ? [.. found.Values]
            : throw new CheckpointException(directory, $"lacks consolidated.{missing:00}.pth, though there are shards with higher numbers.");
    }

    private static CheckpointTensor Merge(string directory, string name, List<Checkpoint> shards)
    {
        CheckpointTensor[] parts = new CheckpointTensor[shards.Count];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = shards[i].Tensors.TryGetValue(name, out CheckpointTensor? part)
                ? part
                : throw new CheckpointException(shards[i].Path, $"lacks tensor {Text.Quote(name)}, which '{shards[0].Path}' holds. The shards are of different checkpoints.");
        }

        string[] words = name.Split('.');
        string layer = words.Length > 1 ? words[^2] : name;
        int? dimension = layer switch
        {
            "wq" or "wk" or "wv" or "w1" or "w3" or "output" => 0,
            "wo" or "w2" or "tok_embeddings" => parts[0].Shape.Count - 1,
            "norm" or "attention_norm" or "ffn_norm" or "rope" => null,
            _ => throw new CheckpointException(directory, $"how tensor {Text.Quote(name)} is split over shards is not known: it is no LLaMA weight."),
        };

        foreach (CheckpointTensor part in parts)
        {
            bool fits = part.ElementType == parts[0].ElementType && part.Shape.Count == parts[0].Shape.Count && (dimension is null || part.Shape.Count > 0);
            for (int i = 0; fits && i < part.Shape.Count; i++)
            {
                fits = i == dimension || part.Shape[i] == parts[0].Shape[i];
            }

            if (!fits)
            {
                throw new CheckpointException(directory, $"the shards do not fit together: {parts[0]} in the first, {part} in another.");
            }
        }

        return dimension is { } d ? new ConcatenatedTensor(directory, name, parts, d) : parts[0];
    }
}
