using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Tests.Checkpoints;

public sealed class WeightNormTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("m2ugen-norm-");
    private Checkpoint? checkpoint;

    public void Dispose()
    {
        checkpoint?.Dispose();
        folder.Delete(true);
    }

    [Theory]
    [InlineData("conv.weight_g", "conv.weight_v")]
    [InlineData("conv.parametrizations.weight.original0", "conv.parametrizations.weight.original1")]
    public void Get_EitherSpelling_ScalesEachRowToItsNorm(string g, string v)
    {
        WeightMap map = Map((g, [2, 1, 1], [10, 26]), (v, [2, 1, 2], [3, 4, 5, -12]));

        CheckpointTensor weight = WeightNorm.Get(map, "conv", 0, [2, 1, 2]);

        map.ThrowIfIncomplete();
        Assert.Equal([2, 1, 2], weight.Shape);
        Assert.Equal([6f, 8f, 10f, -24f], weight.ReadFloat32());
        float[] tail = new float[2];
        weight.ReadFloat32(1, tail);
        Assert.Equal([8f, 10f], tail);
    }

    [Fact]
    public void Get_LastDimension_KeepsOneNormForEachTap()
    {
        // v[i, j, tap]: tap 0 holds 3 and 4 (norm 5), tap 1 holds 0 and 2 (norm 2).
        WeightMap map = Map(("conv.weight_g", [1, 1, 2], [5, 1]), ("conv.weight_v", [2, 1, 2], [3, 0, 4, 2]));

        Assert.Equal([3f, 0f, 4f, 1f], WeightNorm.Get(map, "conv", 2, [2, 1, 2]).ReadFloat32());
    }

    [Fact]
    public void Get_PlainWeight_IsTakenAsItIs()
    {
        WeightMap map = Map(("conv.weight", [2], [7, 8]));

        Assert.Equal([7f, 8f], WeightNorm.Get(map, "conv", 0, [2]).ReadFloat32());
    }

    [Fact]
    public void Get_PartsMissing_AreListed()
    {
        WeightMap map = Map(("conv.weight_g", [2, 1], [1, 1]));
        WeightNorm.Get(map, "conv", 0, [2, 3]);
        WeightNorm.Get(map, "other", 0, [2, 3]);

        CheckpointException e = Assert.Throws<CheckpointException>(map.ThrowIfIncomplete);
        Assert.Contains("conv.weight_v [2, 3]", e.Message, StringComparison.Ordinal);
        Assert.Contains("other.weight (or weight_g", e.Message, StringComparison.Ordinal);
    }

    private WeightMap Map(params (string Name, long[] Shape, float[] Values)[] tensors)
    {
        string path = Path.Combine(folder.FullName, "w.safetensors");
        CheckpointFiles.WriteSafetensors(path, tensors);
        checkpoint = Checkpoint.Open(path);
        return WeightMap.From(checkpoint);
    }
}
