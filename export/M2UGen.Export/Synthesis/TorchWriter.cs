using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Synthesis;

/// <summary>Writes a checkpoint as <c>torch.save</c> does: a zip archive of uncompressed storages beside a pickled dict of tensors.</summary>
/// <remarks>
/// <code>
/// archive/data.pkl     {"model": OrderedDict(name → _rebuild_tensor_v2(storage key, 0, shape, strides, False, {}), …)}
/// archive/data/0 …     little-endian elements
/// archive/version      3
/// </code>
/// Sources: torch/serialization.py _save; Python's pickle.py, protocol 2.
/// </remarks>
internal static class TorchWriter
{
    /// <summary>Writes the file.</summary>
    /// <param name="path">A path where nothing is yet.</param>
    /// <param name="key">The name of the state dict in the outer dict, or null where the file is the state dict itself.</param>
    /// <param name="tensors">The tensors, in the order of the dict.</param>
    /// <param name="write">Writes the elements of the tensor of that number.</param>
    public static void Write(string path, string? key, IReadOnlyList<SyntheticTensor> tensors, Action<Stream, int> write)
    {
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        using (ZipArchive zip = new(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            int[] storages = StoragesOf(tensors);
            Entry(zip, "data.pkl", stream => stream.Write(Pickle(key, tensors, storages)));
            Entry(zip, "byteorder", stream => stream.Write("little"u8));
            for (int i = 0; i < tensors.Count; i++)
            {
                if (storages[i] == i)
                {
                    int number = i;
                    Entry(zip, $"data/{i.ToString(CultureInfo.InvariantCulture)}", stream => write(stream, number));
                }
            }

            Entry(zip, "version", stream => stream.Write("3\n"u8));
        }

        file.Flush(flushToDisk: true);
    }

    private static int[] StoragesOf(IReadOnlyList<SyntheticTensor> tensors)
    {
        Dictionary<string, int> numbers = new(StringComparer.Ordinal);
        for (int i = 0; i < tensors.Count; i++)
        {
            numbers.Add(tensors[i].Name, i);
        }

        return [.. tensors.Select((tensor, i) => tensor.SharedWith is { } other ? numbers[other] : i)];
    }

    private static void Entry(ZipArchive zip, string name, Action<Stream> write)
    {
        // The same bytes whenever it is written.
        ZipArchiveEntry entry = zip.CreateEntry($"archive/{name}", CompressionLevel.NoCompression);
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using Stream stream = entry.Open();
        write(stream);
    }

    private static byte[] Pickle(string? key, IReadOnlyList<SyntheticTensor> tensors, int[] storages)
    {
        using MemoryStream pickle = new();
        pickle.Write([0x80, 2]);
        if (key is not null)
        {
            pickle.Write("}"u8);
            Text(pickle, key);
        }

        pickle.Write("ccollections\nOrderedDict\n)R("u8);
        for (int i = 0; i < tensors.Count; i++)
        {
            SyntheticTensor tensor = tensors[i];
            Text(pickle, tensor.Name);
            pickle.Write("ctorch._utils\n_rebuild_tensor_v2\n(("u8);
            Text(pickle, "storage");
            pickle.Write(tensor.Type == TensorElementType.Float16 ? "ctorch\nHalfStorage\n"u8 : "ctorch\nFloatStorage\n"u8);
            Text(pickle, storages[i].ToString(CultureInfo.InvariantCulture));
            Text(pickle, "cpu");
            Integer(pickle, tensor.ElementCount);
            pickle.Write("tQ"u8);
            Integer(pickle, 0);
            Tuple(pickle, tensor.Shape);
            Tuple(pickle, Strides(tensor.Shape));
            pickle.Write([0x89]);
            pickle.Write("ccollections\nOrderedDict\n)RtR"u8);
        }

        pickle.Write(key is null ? "u."u8 : "us."u8);
        return pickle.ToArray();
    }

    private static void Text(MemoryStream pickle, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        pickle.Write("X"u8);
        pickle.Write(length);
        pickle.Write(bytes);
    }

    /// <summary>BININT where it fits, else LONG1.</summary>
    private static void Integer(MemoryStream pickle, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            pickle.Write("J"u8);
            pickle.Write(bytes[..4]);
        }
        else
        {
            pickle.Write([0x8A, 8]);
            pickle.Write(bytes);
        }
    }

    private static void Tuple(MemoryStream pickle, IReadOnlyList<long> values)
    {
        pickle.Write("("u8);
        foreach (long value in values)
        {
            Integer(pickle, value);
        }

        pickle.Write("t"u8);
    }

    private static long[] Strides(IReadOnlyList<long> shape)
    {
        long[] strides = new long[shape.Count];
        long stride = 1;
        for (int i = strides.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= shape[i];
        }

        return strides;
    }
}
