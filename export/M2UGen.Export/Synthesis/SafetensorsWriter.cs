using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Synthesis;

/// <summary>Writes a safetensors file, in shards with an index where it would be larger than the size that transformers allows a file.</summary>
/// <remarks>Sources: the safetensors format; transformers modeling_utils.py, shard_checkpoint.</remarks>
internal static class SafetensorsWriter
{
    /// <summary>Writes the files.</summary>
    /// <param name="directory">An existing directory.</param>
    /// <param name="tensors">The tensors; those that share another's storage are left out, as transformers does.</param>
    /// <param name="shardBytes">The most bytes of tensors in a file.</param>
    /// <param name="write">Writes the elements of the tensor of that number in <paramref name="tensors"/>.</param>
    /// <param name="name">The file's name where there is one only.</param>
    public static void Write(string directory, IReadOnlyList<SyntheticTensor> tensors, long shardBytes, Action<Stream, int> write, string name = "model.safetensors")
    {
        List<List<int>> shards = [[]];
        long inShard = 0;
        for (int i = 0; i < tensors.Count; i++)
        {
            if (tensors[i].SharedWith is not null)
            {
                continue;
            }

            if (shards[^1].Count > 0 && inShard + tensors[i].ByteCount > shardBytes)
            {
                shards.Add([]);
                inShard = 0;
            }

            shards[^1].Add(i);
            inShard += tensors[i].ByteCount;
        }

        for (int shard = 0; shard < shards.Count; shard++)
        {
            WriteFile(Path.Combine(directory, NameOf(name, shard, shards.Count)), tensors, shards[shard], write);
        }

        if (shards.Count > 1)
        {
            WriteIndex(Path.Combine(directory, $"{name}.index.json"), name, tensors, shards);
        }
    }

    private static string NameOf(string name, int shard, int count)
        => count == 1 ? name : string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileNameWithoutExtension(name)}-{shard + 1:00000}-of-{count:00000}.safetensors");

    private static void WriteFile(string path, IReadOnlyList<SyntheticTensor> tensors, List<int> numbers, Action<Stream, int> write)
    {
        ArrayBufferWriter<byte> header = new();
        using (Utf8JsonWriter json = new(header))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            json.WriteEndObject();
            long offset = 0;
            foreach (int number in numbers)
            {
                SyntheticTensor tensor = tensors[number];
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.SafetensorsName());
                Numbers(json, "shape", tensor.Shape);
                Numbers(json, "data_offsets", [offset, offset + tensor.ByteCount]);
                json.WriteEndObject();
                offset += tensor.ByteCount;
            }

            json.WriteEndObject();
        }

        // Spaces up to a multiple of eight keep the tensors aligned.
        int length = (header.WrittenCount + 7) / 8 * 8;
        byte[] start = new byte[8 + length];
        BinaryPrimitives.WriteInt64LittleEndian(start, length);
        start.AsSpan(8).Fill((byte)' ');
        header.WrittenSpan.CopyTo(start.AsSpan(8));
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        file.Write(start);
        foreach (int number in numbers)
        {
            write(file, number);
        }

        file.Flush(flushToDisk: true);
    }

    private static void WriteIndex(string path, string name, IReadOnlyList<SyntheticTensor> tensors, List<List<int>> shards)
    {
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        using Utf8JsonWriter json = new(file, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteStartObject("metadata");
        json.WriteNumber("total_size", shards.Sum(shard => shard.Sum(number => tensors[number].ByteCount)));
        json.WriteEndObject();
        json.WriteStartObject("weight_map");
        for (int shard = 0; shard < shards.Count; shard++)
        {
            foreach (int number in shards[shard])
            {
                json.WriteString(tensors[number].Name, NameOf(name, shard, shards.Count));
            }
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Numbers(Utf8JsonWriter json, string name, IEnumerable<long> values)
    {
        json.WriteStartArray(name);
        foreach (long value in values)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }
}
