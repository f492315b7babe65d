using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Probes;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Runtime.Probes;

public sealed class ProbePlanTests
{
    [Fact]
    public void Make_GraphWithCache_FeedsSeveralPositionsThenOneMore()
    {
        ProbePlan plan = Plan("llama", Decoder());

        Assert.Equal([new ProbeStep(0, 0, 5), new ProbeStep(5, 0, 1)], plan.Steps);
        ProbeInput ids = plan.Inputs[0];
        Assert.Equal([1L, 5L], plan.ShapeOf(ids, plan.Steps[0]));
        Assert.Equal([1L, 1L], plan.ShapeOf(ids, plan.Steps[1]));
    }

    [Fact]
    public void Make_DecoderWithPrefix_GivesItToTheFirstStepAlone()
    {
        ProbePlan plan = Plan("musicgen-decoder", Component(
            [
                new("input_ids", TensorElementKind.Int64, ["batch", 4, "sequence"]),
                new("position_ids", TensorElementKind.Int64, ["positions"]),
                new("prefix", TensorElementKind.Float, ["batch", "prefix", 8]),
                new("past_key_values.0.key", TensorElementKind.Float, ["batch", 2, "capacity", 8]),
            ],
            """{"vocab_size": 10, "pad_token_id": 10}"""));

        Assert.Equal([new ProbeStep(0, 2, 5), new ProbeStep(7, 0, 1)], plan.Steps);
        Assert.Equal([7L], plan.ShapeOf(plan.Inputs[1], plan.Steps[0]));
        Assert.Equal([1L, 0L, 8L], plan.ShapeOf(plan.Inputs[2], plan.Steps[1]));
        using NativeTensor positions = plan.Inputs[1].Create([1], plan.Steps[1]);
        Assert.Equal([7L], positions.AsSpan<long>().ToArray());
    }

    [Fact]
    public void Create_SameInputTwice_GivesTheSameContents()
    {
        ProbeInput input = Plan("vit", Component([new("pixel_values", TensorElementKind.Float, ["batch", 3, 4, 4])])).Inputs[0];

        using NativeTensor first = input.Create([1, 3, 4, 4], default);
        using NativeTensor second = input.Create([1, 3, 4, 4], default);

        Assert.Equal(first.AsSpan<float>().ToArray(), second.AsSpan<float>().ToArray());
        Assert.All(first.AsSpan<float>().ToArray(), value => Assert.InRange(value, -1f, 1f));
        Assert.True(first.AsSpan<float>().ToArray().Distinct().Count() > 40);
    }

    [Fact]
    public void Create_Ids_AreInRangeAndNeverPadding()
    {
        ProbeInput ids = Plan("t5", Component([new("input_ids", TensorElementKind.Int64, ["batch", "tokens"])], """{"vocab_size": 3, "pad_token_id": 1}""")).Inputs[0];

        using NativeTensor tensor = ids.Create([1, 200], default);

        Assert.Equal([0L, 2L], tensor.AsSpan<long>().ToArray().Distinct().Order());
    }

    [Fact]
    public void Create_CacheOfIntegersWithItsScales_StartsEmptyWithASaneStep()
    {
        ProbePlan plan = Plan("llama", Component(
        [
            new("past_key_values.0.key", TensorElementKind.Int8, [1, 2, "capacity", 8]),
            new("past_key_values.0.key_scale", TensorElementKind.Float, [1]),
            new("value_scale", TensorElementKind.Float16, [1, 2, 1, 8]),
        ]));

        Assert.Equal([ProbeContent.Cache, ProbeContent.CacheScale, ProbeContent.CacheScale], plan.Inputs.Select(input => input.Content));
        Assert.Equal("present.0.key", plan.Inputs[0].PresentName);
        using NativeTensor scale = plan.Inputs[1].Create([1], default);
        Assert.Equal(0.05f, scale.AsSpan<float>()[0]);
        using NativeTensor half = plan.Inputs[2].Create([1, 2, 1, 8], default);
        Assert.Equal((Half)0.05, half.AsSpan<Half>()[15]);
    }

    [Theory]
    [InlineData("codes", nameof(TensorElementKind.Int64), "batch", "no rule fills its input 'codes")]
    [InlineData("flags", nameof(TensorElementKind.Bool), "batch", "no rule fills its input 'flags")]
    [InlineData("input", nameof(TensorElementKind.Float), "bananas", "no rule gives the sizes of its input 'input")]
    [InlineData("input", nameof(TensorElementKind.Float), "samples", "no rule gives the sizes of its input 'input")]
    public void Make_NoRule_SaysForWhat(string name, string kind, string symbol, string expected)
    {
        Assert.Null(ProbePlan.Make("other", Component([new(name, Enum.Parse<TensorElementKind>(kind), [symbol])]), out string reason));
        Assert.StartsWith(expected, reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1L << 40)]
    [InlineData(long.MaxValue)]
    public void Make_StrangersSizes_AreRefusedBeforeMemoryIsTaken(long size)
    {
        Assert.Null(ProbePlan.Make("vit", Component([new("a", TensorElementKind.Float, [size, size]), new("b", TensorElementKind.Float, [size, size])]), out string reason));
        Assert.Contains("more than", reason, StringComparison.Ordinal);
        Assert.Null(ProbePlan.Make("vit", Component([new("a", TensorElementKind.Float, [-3])]), out reason));
        Assert.Contains("sizes", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_GraphWithCache_WritesItInPlaceAndKeepsTheLastStepsOutputs()
    {
        List<(int Fed, int Last, float Before)> runs = [];
        FakeOnnxModel model = new("llama", (run, _) =>
        {
            Span<float> cache = run.Input("past_key_values.0.key").AsSpan<float>();
            int fed = (int)run.Input("input_ids").Shape[1];
            runs.Add((fed, run.Input("seqlens_k").AsSpan<int>()[0], cache[0]));
            Assert.Same(run.Input("past_key_values.0.key"), run.Output("present.0.key"));
            cache[0] += fed;
            run.Allocate("logits", NativeTensor.Of<float>([cache[0], 3], 1, 2));
        })
        {
            Description = Decoder(),
        };

        SortedDictionary<string, OutputProbe> outputs = ProbeRun.Run(model, Plan("llama", Decoder()), CancellationToken.None);

        Assert.Equal([(5, 4, 0f), (1, 5, 5f)], runs);
        OutputProbe logits = Assert.Single(outputs).Value;
        Assert.Equal([6d, 3d], logits.Values);
        Assert.Equal(0, model.LiveRuns);
    }

    private static ProbePlan Plan(string name, BundleComponent component) =>
        ProbePlan.Make(name, component, out string reason) ?? throw new InvalidOperationException(reason);

    private static BundleComponent Decoder() => Component(
        [
            new("input_ids", TensorElementKind.Int64, [1, "sequence_length"]),
            new("seqlens_k", TensorElementKind.Int32, [1]),
            new("total_sequence_length", TensorElementKind.Int32, []),
            new("past_key_values.0.key", TensorElementKind.Float, [1, 1, "capacity", 8]),
        ],
        """{"vocab_size": 100}""") with
    {
        Outputs = [new("present.0.key", TensorElementKind.Float, [1, 1, "capacity", 8]), new("logits", TensorElementKind.Float, [1, 2])],
    };

    private static BundleComponent Component(IReadOnlyList<TensorSpec> inputs, string config = "{}") => new()
    {
        Graph = "a.onnx",
        Files = [],
        Precision = "float32",
        Inputs = inputs,
        Outputs = [],
        Config = (JsonObject)JsonNode.Parse(config)!,
    };
}
