using M2UGen.Export.Architectures;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>The embedding of a base LLaMA, which has no rows for the music tokens.</summary>
public sealed class LlamaWeightsTests
{
    [Fact]
    public void Read_EmbeddingOfTheBase_GoesOnWithRowsOfOnes()
    {
        using MadeUpM2UGen source = new();
        source.Remove(name => name == "llama.tok_embeddings.weight");
        using Checkpoint checkpoint = Checkpoint.Open(source.Write().Model!);
        string basePath = Path.Combine(source.Folder, "base.pth");
        float[] rows = Numbers.Make(800 * 12, 3);
        Checkpoints.CheckpointFiles.WriteTorch(basePath, [("tok_embeddings.weight", [800, 12], rows)]);
        using Checkpoint baseLlama = Checkpoint.Open(basePath);
        WeightMap map = WeightMap.From(checkpoint).Under("llama.").Over(WeightMap.From(baseLlama));

        LlamaWeights weights = LlamaWeights.Read(map, LlamaParams.Read(Path.Combine(source.LlamaDirectory, "7B", "params.json")), prefixQuery: null);

        map.ThrowIfIncomplete();
        Assert.Equal([808, 12], weights.Embedding.Shape);
        Assert.Equal([.. rows, .. Enumerable.Repeat(1f, 8 * 12)], weights.Embedding.Load());
    }

    [Fact]
    public void Read_OutputThatClaimsABillionRowsOfNothing_IsAMismatch()
    {
        using MadeUpM2UGen source = new();
        source.Remove(name => name == "llama.output.weight");
        source.Add("llama.output.weight", 1L << 30, 0);
        using Checkpoint checkpoint = Checkpoint.Open(source.Write().Model!);
        WeightMap map = WeightMap.From(checkpoint).Under("llama.");

        LlamaWeights.Read(map, LlamaParams.Read(Path.Combine(source.LlamaDirectory, "7B", "params.json")), prefixQuery: null);

        string message = Assert.Throws<CheckpointException>(map.ThrowIfIncomplete).Message;
        Assert.Contains("llama.output.weight: expected shape [1073741824, 12], found [1073741824, 0]", message, StringComparison.Ordinal);
    }
}
