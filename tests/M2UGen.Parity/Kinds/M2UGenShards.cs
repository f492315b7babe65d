using M2UGen.Export.Checkpoints;

namespace M2UGen.Parity.Kinds;

/// <summary>Meta's shards merged must give the tensors of the single file, bit for bit.</summary>
internal static class M2UGenShards
{
    public static void Run(ParityCase c, ParityReport report)
    {
        using Checkpoint merged = Checkpoint.OpenMetaShards(c.FileOf("shards"));
        using Checkpoint single = OpenWhole(c.FileOf("single"));
        foreach ((string name, CheckpointTensor actual) in merged.Tensors)
        {
            if (!single.Tensors.TryGetValue(name, out CheckpointTensor? expected))
            {
                report.Fail(name, "the single file has no such tensor");
                continue;
            }

            bool same = expected.ElementType == actual.ElementType && expected.Shape.SequenceEqual(actual.Shape);
            report.Check(name, same && Bytes(expected).AsSpan().SequenceEqual(Bytes(actual)), same ? "the bytes differ" : $"expected {expected}, found {actual}");
        }
    }

    /// <summary>A file that is one of several shards is not the whole: then the whole is all of them.</summary>
    private static Checkpoint OpenWhole(string path)
    {
        string folder = Directory.Exists(path) ? path : Path.GetDirectoryName(path)!;
        bool isSharded = Directory.Exists(path) || Directory.EnumerateFiles(folder, "consolidated.*.pth").Skip(1).Any();
        return isSharded ? Checkpoint.OpenMetaShards(folder) : Checkpoint.Open(path);
    }

    private static byte[] Bytes(CheckpointTensor tensor)
    {
        byte[] bytes = new byte[tensor.ByteCount];
        tensor.ReadBytes(bytes);
        return bytes;
    }
}
