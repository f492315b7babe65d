using System.Buffers;
using System.Numerics;

namespace M2UGen.Export.Checkpoints.Torch;

/// <summary>A zip archive of torch.save (torch 1.6 and later): a pickle with the structure, and one entry for each storage.</summary>
/// <remarks>Only stored, little-endian archives with everything under one folder are read, as torch writes them.</remarks>
internal sealed class TorchArchive : Checkpoint
{
    private static readonly SearchValues<char> KeyCharacters =
        SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");

    private readonly CheckpointFile file;
    private readonly Dictionary<string, CheckpointTensor> tensors;
    private readonly object? root;
    private readonly Lazy<Dictionary<string, object?>> values;

    private TorchArchive(CheckpointFile file, object? root)
        : base(file.Path)
    {
        this.file = file;
        this.root = root;
        tensors = new Dictionary<string, CheckpointTensor>(StringComparer.Ordinal);
        PickleNames.Walk(file, root, v => v is PickleTensor, AddTensor);
        if (tensors.Count == 0 && root is not PickleDict)
        {
            throw file.Fail("its pickle holds neither a dict nor a tensor: not a checkpoint.");
        }

        values = new Lazy<Dictionary<string, object?>>(CollectValues);
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, CheckpointTensor> Tensors => tensors;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [file.Path];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, object?> Values => values.Value;

    /// <summary>Reads directory and pickle; the result owns <paramref name="file"/>.</summary>
    public static TorchArchive Open(CheckpointFile file)
    {
        List<ZipEntry> entries = ZipDirectory.Read(file);
        string root = CheckLayout(file, entries);
        Dictionary<string, ZipEntry> byName = entries.ToDictionary(e => e.Name, StringComparer.Ordinal);
        CheckByteOrder(file, byName, root);
        if (!byName.TryGetValue(root + "data.pkl", out ZipEntry pickle))
        {
            throw file.Fail("is a zip archive without data.pkl: not written by torch.save.");
        }

        if (pickle.Length > PickleReader.MaxLength)
        {
            throw file.Fail($"its data.pkl has {pickle.Length} bytes; at most {PickleReader.MaxLength} are read.");
        }

        byte[] bytes = file.Read(pickle.DataOffset, (int)pickle.Length);
        return new TorchArchive(file, new PickleReader(file, bytes, OpenStorage).Read());

        PickleStorage OpenStorage(PickleGlobal type, string key, long count)
        {
            if (key.Length is 0 or > 64 || key.AsSpan().IndexOfAnyExcept(KeyCharacters) >= 0 || !byName.TryGetValue($"{root}data/{key}", out ZipEntry entry))
            {
                throw file.Fail($"its pickle asks for the storage {Text.Quote(key)}, which is not in the archive.");
            }

            // Two views of one storage with different types may leave a few bytes over, hence "at least".
            return count >= 0 && (Int128)count * (type.Type?.Size() ?? 1) <= entry.Length
                ? new PickleStorage(type.Type, entry.DataOffset, count)
                : throw file.Fail($"its pickle says that the storage {Text.Quote(key)} ({type.Name}) has {count} elements, its entry has {entry.Length} bytes.");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => file.Dispose();

    /// <summary>All entries are stored, lie under one folder and have plain names; gives that folder with its slash.</summary>
    private static string CheckLayout(CheckpointFile file, List<ZipEntry> entries)
    {
        if (entries.Count == 0)
        {
            throw file.Fail("is an empty zip archive.");
        }

        string root = entries[0].Name[..(entries[0].Name.IndexOf('/', StringComparison.Ordinal) + 1)];
        if (entries.Any(e => e.Name == root + "constants.pkl" || e.Name.StartsWith(root + "code/", StringComparison.Ordinal)))
        {
            throw file.Fail("is a TorchScript archive, which holds a program. Save the weights alone: torch.save(model.state_dict(), path).");
        }

        if (root.Length < 2)
        {
            throw file.Fail("is a zip archive whose entries lie in no folder: not written by torch.save.");
        }

        foreach (ZipEntry entry in entries)
        {
            if (!entry.Name.StartsWith(root, StringComparison.Ordinal) || entry.Name.AsSpan().IndexOfAny('\\', '\0') >= 0 || entry.Name.Split('/').Contains(".."))
            {
                throw file.Fail($"entry {Text.Quote(entry.Name)} is not in the archive's one folder {Text.Quote(root)}: not written by torch.save.");
            }

            if (entry.Method != 0)
            {
                throw file.Fail($"entry {Text.Quote(entry.Name)} is compressed with method {entry.Method}{(entry.Method == 8 ? " (deflate)" : string.Empty)}; torch.save stores its entries. Save the file again with torch.");
            }
        }

        return root;
    }

    private static void CheckByteOrder(CheckpointFile file, Dictionary<string, ZipEntry> entries, string root)
    {
        // Absent before torch 2.1, which wrote little-endian on every machine that mattered.
        if (!entries.TryGetValue(root + "byteorder", out ZipEntry entry))
        {
            return;
        }

        byte[] order = file.Read(entry.DataOffset, (int)Math.Min(entry.Length, 16));
        if (!order.AsSpan().SequenceEqual("little"u8))
        {
            throw file.Fail(order.AsSpan().SequenceEqual("big"u8)
                ? "its byteorder is 'big', which is not read. Load and save it again on a little-endian machine."
                : "its byteorder is neither 'little' nor 'big'.");
        }
    }

    private void AddTensor(string name, object? value)
    {
        PickleTensor tensor = (PickleTensor)value!;
        long position = tensor.Storage.Position + (tensor.Offset * tensor.Type.Size());
        if (!tensors.TryAdd(name, new StoredTensor(file, name, tensor.Type, tensor.Shape, position, tensor.Strides)))
        {
            throw file.Fail($"its pickle gives the name {Text.Quote(name)} to two tensors.");
        }
    }

    private Dictionary<string, object?> CollectValues()
    {
        Dictionary<string, object?> found = new(StringComparer.Ordinal);
        PickleNames.Walk(file, root, v => v is null or string or long or BigInteger or double or bool, (name, value) => found[name] = value);
        return found;
    }
}
