using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace M2UGen.Parity;

/// <summary>The tensors of a case: a safetensors file, opened for reading tensor by tensor.</summary>
internal sealed class TensorFile
{
    private readonly Dictionary<string, (string Type, long[] Shape, long Start, long End)> entries = new(StringComparer.Ordinal);
    private readonly string path;

    public TensorFile(string path)
    {
        this.path = path;
        using FileStream file = File.OpenRead(path);
        Span<byte> length = stackalloc byte[8];
        file.ReadExactly(length);
        long header = BinaryPrimitives.ReadInt64LittleEndian(length);
        if (header < 0 || header > file.Length - 8)
        {
            throw new ParityException($"'{path}' is not a safetensors file.");
        }

        byte[] json = new byte[header];
        file.ReadExactly(json);
        using JsonDocument document = JsonDocument.Parse(json);
        foreach (JsonProperty entry in document.RootElement.EnumerateObject())
        {
            if (entry.Name != "__metadata__")
            {
                JsonElement[] offsets = [.. entry.Value.GetProperty("data_offsets").EnumerateArray()];
                long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())];
                entries.Add(entry.Name, (entry.Value.GetProperty("dtype").GetString()!, shape,
                    8 + header + offsets[0].GetInt64(), 8 + header + offsets[1].GetInt64()));
            }
        }
    }

    /// <summary>The names of all tensors, in the order of the file.</summary>
    public IReadOnlyCollection<string> Names => entries.Keys;

    public bool Has(string name) => entries.ContainsKey(name);

    public long[] Shape(string name) => Entry(name).Shape;

    /// <summary>True for whole-number types and booleans.</summary>
    public bool IsInteger(string name) => Entry(name).Type is [not 'F' and not 'B', ..] or "BOOL";

    /// <summary>A floating-point tensor as float32, row-major.</summary>
    public float[] Float(string name) => Array.ConvertAll(Double(name), v => (float)v);

    /// <summary>A tensor of any type as float64, row-major.</summary>
    public double[] Double(string name)
    {
        (string type, _, _, _) = Entry(name);
        byte[] bytes = Bytes(name);
        return type switch
        {
            "F64" => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
            "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), v => (double)v),
            "F16" => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), v => (double)v),
            _ => Array.ConvertAll(Int64(name), v => (double)v),
        };
    }

    /// <summary>A whole-number tensor as int64, row-major.</summary>
    public long[] Int64(string name)
    {
        (string type, _, _, _) = Entry(name);
        byte[] bytes = Bytes(name);
        return type switch
        {
            "I64" => MemoryMarshal.Cast<byte, long>(bytes).ToArray(),
            "I32" => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), v => (long)v),
            "I16" => Array.ConvertAll(MemoryMarshal.Cast<byte, short>(bytes).ToArray(), v => (long)v),
            "I8" => Array.ConvertAll(MemoryMarshal.Cast<byte, sbyte>(bytes).ToArray(), v => (long)v),
            "U8" or "BOOL" => Array.ConvertAll(bytes, v => (long)v),
            _ => throw new ParityException($"Tensor '{name}' of '{path}' has type {type}, which is no whole number."),
        };
    }

    private byte[] Bytes(string name)
    {
        (_, _, long start, long end) = Entry(name);
        byte[] bytes = new byte[end - start];
        using FileStream file = File.OpenRead(path);
        file.Position = start;
        file.ReadExactly(bytes);
        return bytes;
    }

    private (string Type, long[] Shape, long Start, long End) Entry(string name) =>
        entries.TryGetValue(name, out var entry) ? entry : throw new ParityException($"'{path}' has no tensor '{name}'.");
}
