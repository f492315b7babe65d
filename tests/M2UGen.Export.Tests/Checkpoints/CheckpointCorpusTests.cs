using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Tests.Checkpoints;

/// <summary>Every file of the corpus comes out as its row says, and nothing that a file carries is run.</summary>
public sealed class CheckpointCorpusTests : IDisposable
{
    /// <summary>What a read may allocate: a constant, and objects in proportion to the file (the smallest pickled value takes one byte).</summary>
    private const long AllocationFloor = 16 << 20;
    private const long AllocationPerByte = 250;

    private readonly DirectoryInfo scratch = Directory.CreateTempSubdirectory("m2ugen-corpus-");

    public static TheoryData<string> Files => [.. CheckpointCorpus.Rows.Select(CheckpointCorpus.FileOf).OfType<string>()];

    public static TheoryData<string> Truncated => [.. Derived("truncate_to").Select(d => d.GetProperty("from").GetString()!)];

    public static TheoryData<string> Flipped => [.. Derived("flip_random_bytes").Select(d => d.GetProperty("from").GetString()!)];

    public void Dispose()
    {
        scratch.Delete(true);
        Assert.False(File.Exists("PWNED"), "A file's code was run.");
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Open_FileOfCorpus_KeepsItsVerdict(string file)
    {
        JsonElement row = CheckpointCorpus.Row(file);
        string path = Path.Combine(CheckpointCorpus.Folder, file.Replace('/', Path.DirectorySeparatorChar));
        string verdict = CheckpointCorpus.Verdict(row);
        long length = new FileInfo(path).Length;
        long before = GC.GetAllocatedBytesForCurrentThread();
        CheckpointException? refusal = null;
        try
        {
            using Checkpoint checkpoint = Checkpoint.Open(path);
            AssertTensors(row, checkpoint);
            AssertValues(row, checkpoint);
        }
        catch (CheckpointException e)
        {
            refusal = e;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= AllocationFloor + (AllocationPerByte * length), $"{allocated} bytes allocated for a file of {length}.");
        if (refusal is null)
        {
            Assert.NotEqual("refuse", verdict);
        }
        else
        {
            Assert.True(verdict is "refuse" or "either", refusal.ToString());
            Assert.Contains(refusal.Path, refusal.Message, StringComparison.Ordinal);
            Assert.StartsWith(Path.GetDirectoryName(path)!, refusal.Path, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Truncated))]
    public void Open_CutOffFile_IsRefused(string from)
    {
        JsonElement derive = Derived("truncate_to").Single(d => d.GetProperty("from").GetString() == from);
        byte[] whole = File.ReadAllBytes(Path.Combine(CheckpointCorpus.Folder, from));
        string path = Path.Combine(scratch.FullName, Path.GetFileName(from));
        foreach (int length in derive.GetProperty("truncate_to").EnumerateArray().Select(l => l.GetInt32()))
        {
            File.WriteAllBytes(path, whole[..length]);
            CheckpointException e = Assert.Throws<CheckpointException>(() => Checkpoint.Open(path));
            Assert.Equal(path, e.Path);
        }
    }

    [Theory]
    [MemberData(nameof(Flipped))]
    public void Open_FileWithRandomBytes_ReadsOrRefuses(string from)
    {
        JsonElement derive = Derived("flip_random_bytes").Single(d => d.GetProperty("from").GetString() == from);
        byte[] whole = File.ReadAllBytes(Path.Combine(CheckpointCorpus.Folder, from));
        string path = Path.Combine(scratch.FullName, Path.GetFileName(from));
        Random random = new(20231125);
        long before = GC.GetAllocatedBytesForCurrentThread();
        int refused = 0;
        int rounds = derive.GetProperty("flip_random_bytes").GetInt32();
        for (int round = 0; round < rounds; round++)
        {
            byte[] changed = [.. whole];
            for (int flips = random.Next(1, 5); flips > 0; flips--)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, changed);
            try
            {
                using Checkpoint checkpoint = Checkpoint.Open(path);
                foreach (CheckpointTensor tensor in checkpoint.Tensors.Values)
                {
                    tensor.CopyTo(Stream.Null);
                }

                _ = checkpoint.Values.Count;
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, rounds - 1);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < rounds * (AllocationFloor + (AllocationPerByte * whole.Length)), "Memory out of proportion.");
    }

    private static IEnumerable<JsonElement> Derived(string how) =>
        CheckpointCorpus.Rows.Where(r => r.TryGetProperty("derive", out JsonElement d) && d.TryGetProperty(how, out _)).Select(r => r.GetProperty("derive"));

    private static void AssertTensors(JsonElement row, Checkpoint checkpoint)
    {
        if (!row.TryGetProperty("tensors", out JsonElement tensors))
        {
            return;
        }

        Assert.Equal(tensors.EnumerateObject().Select(t => t.Name).Order(StringComparer.Ordinal), checkpoint.Tensors.Keys.Order(StringComparer.Ordinal));
        foreach (JsonProperty expected in tensors.EnumerateObject())
        {
            CheckpointTensor tensor = checkpoint.Tensors[expected.Name];
            Assert.Equal(expected.Value.GetProperty("dtype").GetString(), tensor.ElementType.SafetensorsName());
            Assert.Equal(expected.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), tensor.Shape);
            byte[] bytes = new byte[tensor.ByteCount];
            tensor.ReadBytes(bytes);
            Assert.Equal(expected.Value.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
            using MemoryStream copy = new();
            tensor.CopyTo(copy);
            Assert.Equal(bytes, copy.ToArray());
            AssertRanges(tensor, bytes);
        }
    }

    /// <summary>Reads in pieces that do not divide the rows; each must be the same bytes.</summary>
    private static void AssertRanges(CheckpointTensor tensor, byte[] bytes)
    {
        int size = tensor.ElementType.Size();
        for (long start = 0; start < tensor.ElementCount; start += 5)
        {
            byte[] part = new byte[(int)Math.Min(5, tensor.ElementCount - start) * size];
            tensor.ReadBytes(start, part);
            Assert.Equal(bytes.AsSpan((int)start * size, part.Length).ToArray(), part);
        }
    }

    private static void AssertValues(JsonElement row, Checkpoint checkpoint)
    {
        if (row.TryGetProperty("values", out JsonElement values))
        {
            foreach (JsonProperty expected in values.EnumerateObject())
            {
                object? found = checkpoint.Values[expected.Name];
                switch (expected.Value.ValueKind)
                {
                    case JsonValueKind.Null:
                        Assert.Null(found);
                        break;
                    case JsonValueKind.Number:
                        Assert.Equal(expected.Value.GetDouble(), Convert.ToDouble(found, CultureInfo.InvariantCulture));
                        break;
                    case JsonValueKind.String:
                        Assert.Equal(expected.Value.GetString(), Convert.ToString(found, CultureInfo.InvariantCulture));
                        break;
                    default:
                        Assert.Equal(expected.Value.GetBoolean(), found);
                        break;
                }
            }
        }

        if (row.TryGetProperty("metadata", out JsonElement metadata))
        {
            Assert.Equal(metadata.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString()!), checkpoint.Metadata);
        }
    }
}
