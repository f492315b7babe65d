using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Parity.Kinds;

/// <summary>Checkpoint files, harmless and hostile: each row's verdict, the exact bytes of every tensor, and that nothing in a file was run.</summary>
internal sealed class CheckpointFilesKind : IParityKind
{
    private const string Mark = "PWNED";
    private const int FlipSeed = 1;

    /// <summary>"At once": far above what any row takes, far below a hang.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(30);

    /// <summary>Bytes that reading a file may allocate: a constant, and objects in proportion to the file.</summary>
    private static long MostMemory(long fileLength) => (32 << 20) + (400 * fileLength);

    public bool Handles(string kind) => kind == "checkpoint-files";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        string scratch = c.Exports.Scratch("checkpoint-files");
        string before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = scratch;
        try
        {
            foreach (JsonElement row in c.Json.GetProperty("files").EnumerateArray())
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (row.TryGetProperty("derive", out JsonElement derive))
                {
                    RunDerived(c, report, row, derive, scratch);
                }
                else
                {
                    RunFile(c, report, row);
                }
            }

            report.Check($"no {Mark}", !File.Exists(Path.Combine(scratch, Mark)), "a file's code was run");
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    private static void RunFile(ParityCase c, ParityReport report, JsonElement row)
    {
        string file = row.GetProperty("file").GetString()!;
        string verdict = row.GetProperty("verdict").GetString()!;
        string path = c.Resolve(file);
        Stopwatch watch = Stopwatch.StartNew();
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        CheckpointException? refusal = null;
        try
        {
            using Checkpoint checkpoint = Checkpoint.Open(path);
            CompareTensors(report, file, row, checkpoint);
            CompareValues(report, file, row, checkpoint);
        }
        catch (CheckpointException e)
        {
            refusal = e;
        }
        catch (Exception e)
        {
            report.Fail(file, $"ended in {e.GetType().Name} instead of a {nameof(CheckpointException)}: {e.Message}");
            return;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
        string? fault = verdict switch
        {
            "ok" when refusal is not null => $"must be read, was refused: {refusal.Message}",
            "refuse" when refusal is null => "must be refused, was read",
            "ok" or "refuse" or "either" => null,
            _ => $"unknown verdict '{verdict}'",
        };
        if (refusal is not null && !refusal.Message.Contains(refusal.Path, StringComparison.Ordinal))
        {
            fault ??= $"the refusal does not name the file: {refusal.Message}";
        }

        if (watch.Elapsed > MostTime || allocated > MostMemory(new FileInfo(path).Length))
        {
            fault ??= string.Create(CultureInfo.InvariantCulture, $"took {watch.Elapsed.TotalSeconds:F1} s and {allocated >> 20} MB");
        }

        report.Check(file, fault is null, fault ?? string.Empty);
    }

    private static void CompareTensors(ParityReport report, string file, JsonElement row, Checkpoint checkpoint)
    {
        if (!row.TryGetProperty("tensors", out JsonElement tensors))
        {
            return;
        }

        HashSet<string> expectedNames = [.. tensors.EnumerateObject().Select(t => t.Name)];
        foreach (string extra in checkpoint.Tensors.Keys.Where(n => !expectedNames.Contains(n)))
        {
            report.Fail($"{file} : {Text.Quote(extra)}", "the case does not list this tensor");
        }

        foreach (JsonProperty expected in tensors.EnumerateObject())
        {
            string? fault = checkpoint.Tensors.TryGetValue(expected.Name, out CheckpointTensor? tensor) ? Difference(expected.Value, tensor) : "was not found";
            report.Check($"{file} : {Text.Quote(expected.Name)}", fault is null, fault ?? string.Empty);
        }
    }

    private static string? Difference(JsonElement expected, CheckpointTensor tensor)
    {
        string dtype = expected.GetProperty("dtype").GetString()!;
        long[] shape = [.. expected.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64())];
        if (tensor.ElementType.SafetensorsName() != dtype || !shape.SequenceEqual(tensor.Shape))
        {
            return $"expected {dtype} [{string.Join(", ", shape)}], found {tensor}";
        }

        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using HashStream stream = new(hash);
        tensor.CopyTo(stream);
        string found = Convert.ToHexStringLower(hash.GetHashAndReset());
        string wanted = expected.GetProperty("sha256").GetString()!;
        return found == wanted ? null : $"expected the bytes of {wanted}, found {found}";
    }

    private static void CompareValues(ParityReport report, string file, JsonElement row, Checkpoint checkpoint)
    {
        if (row.TryGetProperty("values", out JsonElement values))
        {
            foreach (JsonProperty expected in values.EnumerateObject())
            {
                bool there = checkpoint.Values.TryGetValue(expected.Name, out object? found);
                string text = Convert.ToString(found, CultureInfo.InvariantCulture) ?? string.Empty;
                bool equal = there && expected.Value.ValueKind switch
                {
                    JsonValueKind.Null => found is null,
                    JsonValueKind.String => text == expected.Value.GetString(),
                    JsonValueKind.Number => found is long or double && Convert.ToDouble(found, CultureInfo.InvariantCulture).Equals(expected.Value.GetDouble()),
                    _ => found is bool truth && truth == expected.Value.GetBoolean(),
                };
                report.Check($"{file} : {Text.Quote(expected.Name)}", equal, $"expected {expected.Value}, found {(there ? text : "nothing")}");
            }
        }

        if (row.TryGetProperty("metadata", out JsonElement metadata))
        {
            Dictionary<string, string?> expected = metadata.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString());
            bool equal = expected.Count == checkpoint.Metadata.Count && expected.All(m => checkpoint.Metadata.TryGetValue(m.Key, out string? found) && found == m.Value);
            report.Check($"{file} : __metadata__", equal, $"expected {metadata}");
        }
    }

    private static void RunDerived(ParityCase c, ParityReport report, JsonElement row, JsonElement derive, string scratch)
    {
        string from = derive.GetProperty("from").GetString()!;
        byte[] whole = File.ReadAllBytes(c.Resolve(from));
        string path = Path.Combine(scratch, Path.GetFileName(from));
        bool mayRead = row.GetProperty("verdict").ValueEquals("either");
        if (derive.TryGetProperty("truncate_to", out JsonElement lengths))
        {
            string[] faults = [.. lengths.EnumerateArray().Select(l => l.GetInt32()).Select(l => Fault(path, whole[..l], mayRead) is { } f ? $"{l} bytes: {f}" : null).OfType<string>()];
            report.Check($"{from} cut off ({lengths.GetArrayLength()} lengths)", faults.Length == 0, string.Join("; ", faults.Take(3)));
        }
        else if (derive.TryGetProperty("flip_random_bytes", out JsonElement rounds))
        {
            Random random = new(FlipSeed);
            List<string> faults = [];
            for (int round = 0; round < rounds.GetInt32(); round++)
            {
                byte[] changed = [.. whole];
                for (int flips = random.Next(1, 5); flips > 0; flips--)
                {
                    changed[random.Next(changed.Length)] = (byte)random.Next(256);
                }

                if (Fault(path, changed, mayRead) is { } fault)
                {
                    faults.Add($"round {round}: {fault}");
                }
            }

            report.Check($"{from} with random bytes ({rounds} times, seed {FlipSeed})", faults.Count == 0, string.Join("; ", faults.Take(3)));
        }
        else
        {
            report.Fail(from, $"a file is to be derived in an unknown way: {derive}");
        }
    }

    /// <summary>Reads a made file whole; null when it ended as it may.</summary>
    private static string? Fault(string path, byte[] bytes, bool mayRead)
    {
        File.WriteAllBytes(path, bytes);
        Stopwatch watch = Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using Checkpoint checkpoint = Checkpoint.Open(path);
            foreach (CheckpointTensor tensor in checkpoint.Tensors.Values)
            {
                tensor.CopyTo(Stream.Null);
            }

            _ = checkpoint.Values.Count;
            if (!mayRead)
            {
                return "must be refused, was read";
            }
        }
        catch (CheckpointException)
        {
            // As documented.
        }
        catch (Exception e)
        {
            return $"ended in {e.GetType().Name}: {e.Message}";
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return watch.Elapsed > MostTime || allocated > MostMemory(bytes.Length) ? $"took {watch.Elapsed.TotalSeconds} s and {allocated >> 20} MB" : null;
    }

    /// <summary>Hashes what is written to it.</summary>
    private sealed class HashStream(IncrementalHash hash) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => hash.AppendData(buffer, offset, count);

        public override void Write(ReadOnlySpan<byte> buffer) => hash.AppendData(buffer);
    }
}
