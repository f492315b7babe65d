using System.Text.Json;

namespace M2UGen.Export.Checkpoints;

/// <summary>A Hugging Face checkpoint in shards: an index that says which file beside it holds which tensor.</summary>
/// <remarks>Tensors of the shards that the index does not list are not shown; <c>total_size</c> is not believed either way.</remarks>
internal sealed class ShardedCheckpoint : Checkpoint
{
    private const int MaxIndexBytes = 64 << 20;

    private readonly Checkpoint[] shards;
    private readonly Dictionary<string, CheckpointTensor> tensors;

    private ShardedCheckpoint(string path, Checkpoint[] shards, Dictionary<string, CheckpointTensor> tensors)
        : base(path)
    {
        this.shards = shards;
        this.tensors = tensors;
        Files = [path, .. shards.SelectMany(s => s.Files)];
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, CheckpointTensor> Tensors => tensors;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files { get; }

    /// <summary>Opens <c>*.index.json</c> and all shards it names.</summary>
    public static ShardedCheckpoint OpenIndex(string path)
    {
        Dictionary<string, string> weightMap = ReadWeightMap(path);
        string folder = System.IO.Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".";
        Dictionary<string, Checkpoint> opened = new(StringComparer.Ordinal);
        try
        {
            Dictionary<string, CheckpointTensor> tensors = new(weightMap.Count, StringComparer.Ordinal);
            foreach ((string name, string shard) in weightMap)
            {
                if (!opened.TryGetValue(shard, out Checkpoint? checkpoint))
                {
                    string shardPath = System.IO.Path.Combine(folder, shard);
                    if (!File.Exists(shardPath))
                    {
                        throw new CheckpointException(path, $"the shard {Text.Quote(shard)} that the index names is not beside it. Download it too.");
                    }

                    checkpoint = OpenFile(shardPath);
                    opened.Add(shard, checkpoint);
                }

                if (!checkpoint.Tensors.TryGetValue(name, out CheckpointTensor? tensor))
                {
                    throw new CheckpointException(path, $"tensor {Text.Quote(name)} is not in the shard {Text.Quote(shard)} where the index says it is. Index and shards are of different checkpoints.");
                }

                tensors.Add(name, tensor);
            }

            return new ShardedCheckpoint(path, [.. opened.Values], tensors);
        }
        catch
        {
            foreach (Checkpoint checkpoint in opened.Values)
            {
                checkpoint.Dispose();
            }

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

    private static Dictionary<string, string> ReadWeightMap(string path)
    {
        using CheckpointFile file = CheckpointFile.Open(path);
        if (file.Length > MaxIndexBytes)
        {
            throw file.Fail($"is {file.Length} bytes long; no index of shards is longer than {MaxIndexBytes}.");
        }

        byte[] json = file.Read(0, (int)file.Length);
        Dictionary<string, string>? map = null;
        try
        {
            Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 64 });
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw file.Fail("the index is no JSON object.");
            }

            while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
            {
                bool isMap = reader.ValueTextEquals("weight_map"u8);
                reader.Read();
                if (!isMap)
                {
                    reader.Skip();
                    continue;
                }

                if (map is not null || reader.TokenType != JsonTokenType.StartObject)
                {
                    throw file.Fail("the index has no single weight_map object.");
                }

                map = ReadMap(file, ref reader);
            }

            while (reader.Read())
            {
                // Anything but white space behind the object makes the JSON reader throw.
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw file.Fail($"the index is no valid JSON: {e.Message}", e);
        }

        return map ?? throw file.Fail("the index has no weight_map.");
    }

    private static Dictionary<string, string> ReadMap(CheckpointFile file, ref Utf8JsonReader reader)
    {
        Dictionary<string, string> map = new(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                throw file.Fail($"the index names the shard of {Text.Quote(name)} by something that is no string.");
            }

            string shard = reader.GetString()!;
            if (!IsPlainFileName(shard))
            {
                throw file.Fail($"the index names the shard {Text.Quote(shard)}; a shard is a file in the same folder, named without a path.");
            }

            if (!map.TryAdd(name, shard))
            {
                throw file.Fail($"the index names tensor {Text.Quote(name)} twice.");
            }
        }

        return map;
    }

    private static bool IsPlainFileName(string name) =>
        name.Length is > 0 and <= 255
        && name is not "." and not ".."
        && !name.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase)
        && name.AsSpan().IndexOfAny("/\\:\0") < 0;
}
