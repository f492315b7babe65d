using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Tests.Checkpoints;

public sealed class MetaShardsTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("m2ugen-shards-");

    public void Dispose() => folder.Delete(true);

    [Fact]
    public void OpenMetaShards_TwoRanks_JoinsEachKindItsOwnWay()
    {
        Write(0, ("layers.0.attention.wq.weight", [1, 2], [1, 2]), ("layers.0.attention.wo.weight", [2, 1], [1, 2]), ("norm.weight", [2], [7, 8]), ("rope.freqs", [1], [9]));
        Write(1, ("layers.0.attention.wq.weight", [1, 2], [3, 4]), ("layers.0.attention.wo.weight", [2, 1], [3, 4]), ("norm.weight", [2], [0, 0]), ("rope.freqs", [1], [0]));

        using Checkpoint merged = Checkpoint.OpenMetaShards(folder.FullName);

        Assert.Equal(2, merged.Files.Count);
        CheckpointTensor wq = merged.Tensors["layers.0.attention.wq.weight"];
        CheckpointTensor wo = merged.Tensors["layers.0.attention.wo.weight"];
        Assert.Equal([2, 2], wq.Shape);
        Assert.Equal([2, 2], wo.Shape);
        Assert.Equal([1f, 2f, 3f, 4f], wq.ReadFloat32());
        Assert.Equal([1f, 3f, 2f, 4f], wo.ReadFloat32());
        float[] middle = new float[2];
        wo.ReadFloat32(1, middle);
        Assert.Equal([3f, 2f], middle);
        Assert.Equal([7f, 8f], merged.Tensors["norm.weight"].ReadFloat32());
        Assert.Equal([9f], merged.Tensors["rope.freqs"].ReadFloat32());
    }

    [Fact]
    public void OpenMetaShards_OneRank_IsTheFile()
    {
        Write(0, ("output.weight", [2, 1], [1, 2]));

        using Checkpoint single = Checkpoint.OpenMetaShards(folder.FullName);

        Assert.Equal([2, 1], single.Tensors["output.weight"].Shape);
    }

    [Fact]
    public void OpenMetaShards_MissingRank_IsNamed()
    {
        Write(0, ("output.weight", [1, 1], [1]));
        Write(2, ("output.weight", [1, 1], [1]));

        Assert.Contains("consolidated.01.pth", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void OpenMetaShards_ShardsOfDifferentCheckpoints_AreRefused()
    {
        Write(0, ("output.weight", [1, 2], [1, 2]));
        Write(1, ("output.weight", [1, 3], [1, 2, 3]));
        Assert.Contains("output.weight", Refusal(), StringComparison.Ordinal);

        Write(1, ("output.weight", [1, 2], [1, 2]), ("norm.weight", [1], [1]));
        Assert.Contains("norm.weight", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void OpenMetaShards_UnknownName_IsNotGuessed()
    {
        Write(0, ("adapter.weight", [1], [1]));
        Write(1, ("adapter.weight", [1], [1]));

        Assert.Contains("adapter.weight", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void OpenDirectory_WithoutWeights_ListsWhatWasLookedFor()
    {
        CheckpointException e = Assert.Throws<CheckpointException>(() => Checkpoint.OpenDirectory(folder.FullName));
        Assert.Contains("model.safetensors, model.safetensors.index.json, pytorch_model.bin", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenDirectory_BothFormats_PrefersSafetensors()
    {
        CheckpointFiles.WriteTorch(Path.Combine(folder.FullName, "pytorch_model.bin"), ("w", [1], [1]));
        CheckpointFiles.WriteSafetensors(Path.Combine(folder.FullName, "model.safetensors"), ("w", [1], [2]));

        using Checkpoint checkpoint = Checkpoint.OpenDirectory(folder.FullName);

        Assert.Equal([2f], checkpoint.Tensors["w"].ReadFloat32());
    }

    private string Refusal() => Assert.Throws<CheckpointException>(() => Checkpoint.OpenMetaShards(folder.FullName)).Message;

    private void Write(int rank, params (string Name, long[] Shape, float[] Values)[] tensors) =>
        CheckpointFiles.WriteTorch(Path.Combine(folder.FullName, $"consolidated.{rank:00}.pth"), tensors);
}
