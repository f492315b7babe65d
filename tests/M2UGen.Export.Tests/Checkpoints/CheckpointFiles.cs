using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace M2UGen.Export.Tests.Checkpoints;

/// <summary>Writes small checkpoints for tests: just enough of each format.</summary>
internal static class CheckpointFiles
{
    /// <summary>A safetensors file of float32 tensors.</summary>
    public static void WriteSafetensors(string path, params (string Name, long[] Shape, float[] Values)[] tensors)
    {
        Dictionary<string, object> header = [];
        int end = 0;
        foreach ((string name, long[] shape, float[] values) in tensors)
        {
            header.Add(name, new { dtype = "F32", shape, data_offsets = new[] { end, end + (4 * values.Length) } });
            end += 4 * values.Length;
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        using FileStream file = File.Create(path);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        file.Write(length);
        file.Write(json);
        foreach ((_, _, float[] values) in tensors)
        {
            file.Write(Bytes(values));
        }
    }

    /// <summary>A torch zip archive of a flat dict of contiguous float32 tensors, pickled with protocol 2.</summary>
    public static void WriteTorch(string path, params (string Name, long[] Shape, float[] Values)[] tensors)
    {
        using FileStream file = File.Create(path);
        using ZipArchive zip = new(file, ZipArchiveMode.Create);
        using MemoryStream pickle = new();
        pickle.Write([0x80, 2, (byte)'}', (byte)'(']);
        for (int i = 0; i < tensors.Length; i++)
        {
            (string name, long[] shape, float[] values) = tensors[i];
            Unicode(pickle, name);
            pickle.Write("ctorch._utils\n_rebuild_tensor_v2\n(("u8);
            Unicode(pickle, "storage");
            pickle.Write("ctorch\nFloatStorage\n"u8);
            Unicode(pickle, $"{i}");
            Unicode(pickle, "cpu");
            Integer(pickle, values.Length);
            pickle.Write("tQ"u8);
            Integer(pickle, 0);
            Tuple(pickle, shape);
            Tuple(pickle, Strides(shape));
            pickle.Write([0x89]);
            pickle.Write("ccollections\nOrderedDict\n)RtR"u8);
            Entry(zip, $"archive/data/{i}", Bytes(values));
        }

        pickle.Write("u."u8);
        Entry(zip, "archive/data.pkl", pickle.ToArray());
        Entry(zip, "archive/byteorder", "little"u8.ToArray());
    }

    private static void Entry(ZipArchive zip, string name, byte[] bytes)
    {
        using Stream stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(bytes);
    }

    private static void Unicode(MemoryStream pickle, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        pickle.Write([(byte)'X', .. length, .. bytes]);
    }

    private static void Integer(MemoryStream pickle, long value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, (int)value);
        pickle.Write([(byte)'J', .. bytes]);
    }

    private static void Tuple(MemoryStream pickle, long[] values)
    {
        pickle.WriteByte((byte)'(');
        foreach (long value in values)
        {
            Integer(pickle, value);
        }

        pickle.WriteByte((byte)'t');
    }

    private static long[] Strides(long[] shape)
    {
        long[] strides = new long[shape.Length];
        long stride = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= shape[i];
        }

        return strides;
    }

    private static byte[] Bytes(float[] values)
    {
        byte[] bytes = new byte[4 * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * i), values[i]);
        }

        return bytes;
    }
}
