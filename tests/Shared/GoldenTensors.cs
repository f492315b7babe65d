using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace M2UGen.Testing;

/// <summary>The tensors of a golden case's safetensors file.</summary>
internal sealed class GoldenTensors
{
    private readonly byte[] _data;
    private readonly Dictionary<string, (string Type, int[] Shape, int Start, int End)> _entries = [];

    public GoldenTensors(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        _data = file[(8 + header)..];
        using JsonDocument json = JsonDocument.Parse(file.AsMemory(8, header));
        foreach (JsonProperty entry in json.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            JsonElement offsets = entry.Value.GetProperty("data_offsets");
            _entries.Add(entry.Name, (
                entry.Value.GetProperty("dtype").GetString()!,
                [.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())],
                offsets[0].GetInt32(),
                offsets[1].GetInt32()));
        }
    }

    public IEnumerable<string> Names => _entries.Keys;

    public bool Has(string name) => _entries.ContainsKey(name);

    public int[] Shape(string name) => _entries[name].Shape;

    /// <summary>A float32 or float64 tensor, or an int16 one divided by 32768, row-major.</summary>
    public float[] Float(string name) => _entries[name].Type switch
    {
        "F32" => Read<float>(name),
        "F64" => Array.ConvertAll(Read<double>(name), v => (float)v),
        "I16" => Array.ConvertAll(Read<short>(name), v => v / 32768f),
        string other => throw new InvalidOperationException($"'{name}' is {other}, not floating."),
    };

    /// <summary>An int64 or int32 tensor, row-major.</summary>
    public long[] Int64(string name) => _entries[name].Type switch
    {
        "I64" => Read<long>(name),
        "I32" => Array.ConvertAll(Read<int>(name), v => (long)v),
        string other => throw new InvalidOperationException($"'{name}' is {other}, not whole numbers."),
    };

    private T[] Read<T>(string name)
        where T : unmanaged
    {
        (_, _, int start, int end) = _entries[name];
        return MemoryMarshal.Cast<byte, T>(_data.AsSpan(start, end - start)).ToArray();
    }
}
