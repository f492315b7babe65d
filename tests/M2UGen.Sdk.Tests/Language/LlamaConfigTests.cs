using System.Text.Json.Nodes;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Language;

public sealed class LlamaConfigTests
{
    [Fact]
    public void From_Contract_ReadsSizes()
    {
        LlamaConfig config = LlamaConfig.From(Component());
        Assert.Equal(2, config.Layers);
        Assert.Equal((3, 16, 7, 9, 20), (config.Heads, config.HeadSize, config.PrefixLayers, config.Dim, config.VocabularySize));
        Assert.Equal(LlamaConfig.ReferenceContextLength, config.ContextLength);
    }

    [Fact]
    public void From_ConfigWithContextLength_TakesIt() =>
        Assert.Equal(96, LlamaConfig.From(Component() with { Config = new JsonObject { ["context_length"] = 96 } }).ContextLength);

    [Fact]
    public void From_MissingTensorsAndBadNumber_ListsAll()
    {
        ModelContractException error = Assert.Throws<ModelContractException>(() => LlamaConfig.From(
            Component() with { Inputs = [], Config = new JsonObject { ["context_length"] = "long" } }));
        Assert.Equal("llama", error.Component);
        Assert.Contains(error.Mismatches, m => m.StartsWith("past_key_values.0.key", StringComparison.Ordinal));
        Assert.Contains(error.Mismatches, m => m.StartsWith("prefix", StringComparison.Ordinal));
        Assert.Contains(error.Mismatches, m => m.StartsWith("config.context_length", StringComparison.Ordinal));
    }

    private static BundleComponent Component() => new()
    {
        Graph = "llama.onnx",
        Files = [],
        Precision = "float32",
        Inputs =
        [
            new TensorSpec("input_ids", TensorElementKind.Int64, [1, "sequence"]),
            new TensorSpec("prefix", TensorElementKind.Float, [7, 9]),
            new TensorSpec("past_key_values.0.key", TensorElementKind.Float, [1, 3, "capacity", 16]),
            new TensorSpec("past_key_values.1.key", TensorElementKind.Float, [1, 3, "capacity", 16]),
        ],
        Outputs = [new TensorSpec("logits", TensorElementKind.Float, [1, 20])],
    };
}
