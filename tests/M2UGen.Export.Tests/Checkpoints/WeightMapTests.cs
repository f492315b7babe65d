using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Tests.Checkpoints;

public sealed class WeightMapTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("m2ugen-weights-");
    private readonly List<Checkpoint> opened = [];

    public void Dispose()
    {
        opened.ForEach(c => c.Dispose());
        folder.Delete(true);
    }

    [Fact]
    public void From_TrainingCheckpoint_ShowsOnlyTheModel()
    {
        WeightMap map = Map("train.pth", ("model/module.llama.norm.weight", [2], [1, 2]), ("optimizer/state/0/exp_avg", [2], [3, 4]));

        Assert.Equal(["llama.norm.weight"], map.Names);
        Assert.Equal([1f, 2f], map.Get("llama.norm.weight", 2).ReadFloat32());
    }

    [Fact]
    public void From_NameWithAndWithoutModule_IsRefused()
    {
        CheckpointException e = Assert.Throws<CheckpointException>(() => Map("twice.safetensors", ("module.w", [1], [1]), ("w", [1], [2])));
        Assert.Contains("'w'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Under_Prefix_NamesWithoutIt()
    {
        WeightMap decoder = Map("m.safetensors", ("a.decoder.w", [1], [5]), ("a.encoder.w", [1], [6])).Under("a.").Under("decoder.");

        Assert.Equal(["w"], decoder.Names);
        Assert.True(decoder.Contains("w"));
        Assert.False(decoder.Contains("a.encoder.w"));
        Assert.Equal(5f, decoder.Find("w")!.ReadFloat32()[0]);
    }

    [Fact]
    public void Over_Fallback_FirstMapWins()
    {
        WeightMap map = Map("fine.safetensors", ("w", [1], [1])).Over(Map("base.safetensors", ("w", [1], [2]), ("v", [1], [3])));

        Assert.Equal(["v", "w"], map.Names.Order());
        Assert.Equal(1f, map.Get("w").ReadFloat32()[0]);
        Assert.Equal(3f, map.Get("v", 1).ReadFloat32()[0]);
    }

    [Fact]
    public void ThrowIfIncomplete_ListsEverythingOfAllViews()
    {
        WeightMap map = Map("part.safetensors", ("x.w", [2, 3], [1, 2, 3, 4, 5, 6])).Over(Map("other.safetensors", ("y", [1], [1])));
        CheckpointTensor placeholder = map.Get("missing.one", 2, 2);
        map.Under("x.").Get("w", 3, 2);
        map.Under("x.").Get("bias", 3);
        map.Under("x.").Get("bias", 3);

        Assert.Equal(new float[4], placeholder.ReadFloat32());
        CheckpointException e = Assert.Throws<CheckpointException>(map.ThrowIfIncomplete);
        Assert.Contains("2 tensors are missing", e.Message, StringComparison.Ordinal);
        Assert.Contains("missing.one [2, 2]", e.Message, StringComparison.Ordinal);
        Assert.Contains("x.bias [3]", e.Message, StringComparison.Ordinal);
        Assert.Contains("x.w: expected shape [3, 2], found [2, 3]", e.Message, StringComparison.Ordinal);
        Assert.Contains("other.safetensors", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("part.safetensors", e.Path, StringComparison.Ordinal);
    }

    [Fact]
    public void ThrowIfIncomplete_AllThere_DoesNothing()
    {
        WeightMap map = Map("whole.safetensors", ("w", [2], [1, 2]));
        map.Get("w", 2);
        map.Find("absent");
        map.ThrowIfIncomplete();
    }

    private WeightMap Map(string name, params (string Name, long[] Shape, float[] Values)[] tensors)
    {
        string path = Path.Combine(folder.FullName, name);
        if (name.EndsWith(".pth", StringComparison.Ordinal))
        {
            CheckpointFiles.WriteTorch(path, tensors);
        }
        else
        {
            CheckpointFiles.WriteSafetensors(path, tensors);
        }

        opened.Add(Checkpoint.Open(path));
        return WeightMap.From(opened[^1]);
    }
}
