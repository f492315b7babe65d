using System.Security.Cryptography;
using System.Text.Json;
using M2UGen.Export.Graph;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Tests.Graph;

public sealed class GraphBuilderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-graph-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Save_GraphWithWeight_RunsInPlaceThroughTheRuntime()
    {
        using ModelSet models = new(WriteBundle(Doubler()), new RuntimeOptions());
        using IModelRun run = models.Get("doubler").CreateRun();
        using NativeTensor x = NativeTensor.Of<float>([1, 2, 3, 4, 5, 6], 2, 3);
        using NativeTensor y = NativeTensor.Allocate<float>(2, 2);
        run.BindInput("x", x);
        run.BindOutput("y", y);

        run.Run(CancellationToken.None);
        Assert.Equal([1 + 3 + 0.5f, 2 + 3 + 0.5f, 4 + 6 + 0.5f, 5 + 6 + 0.5f], y.AsSpan<float>().ToArray());

        x.AsSpan<float>()[0] = 10;
        run.Run(CancellationToken.None);
        Assert.Equal(10 + 3 + 0.5f, y.AsSpan<float>()[0]);
    }

    [Fact]
    public void Run_ManyTimes_AllocatesNothing()
    {
        using ModelSet models = new(WriteBundle(Doubler()), new RuntimeOptions());
        using IModelRun run = models.Get("doubler").CreateRun();
        using NativeTensor x = NativeTensor.Of<float>([1, 2, 3, 4, 5, 6], 2, 3);
        using NativeTensor y = NativeTensor.Allocate<float>(2, 2);
        using CancellationTokenSource cancellation = new();
        run.BindInput("x", x);
        run.BindOutput("y", y);
        run.Run(cancellation.Token);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            run.Run(cancellation.Token);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void TakeOutput_OfUnknownShape_HandsOverTheRunsValue()
    {
        using ModelSet models = new(WriteBundle(Doubler()), new RuntimeOptions());
        using IModelRun run = models.Get("doubler").CreateRun();
        using NativeTensor x = NativeTensor.Of<float>([1, 2, 3], 1, 3);
        run.BindInput("x", x);
        run.BindOutputToAllocated("y");
        run.Run(CancellationToken.None);

        using NativeTensor y = run.TakeOutput("y");
        Assert.Equal([1L, 2L], y.Shape.ToArray());
        Assert.Equal([4.5f, 5.5f], y.AsSpan<float>().ToArray());
    }

    [Fact]
    public void Run_WrongShape_NamesComponentAndShapes()
    {
        using ModelSet models = new(WriteBundle(Doubler()), new RuntimeOptions());
        using IModelRun run = models.Get("doubler").CreateRun();
        using NativeTensor x = NativeTensor.Of<float>([1, 2], 1, 2);
        run.BindInput("x", x);
        run.BindOutputToAllocated("y");

        InferenceException exception = Assert.Throws<InferenceException>(() => run.Run(CancellationToken.None));
        Assert.Equal("doubler", exception.Component);
        Assert.Contains("x Float [1, 2]", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_CancelledToken_ThrowsAndRunsAgainAfterwards()
    {
        using ModelSet models = new(WriteBundle(Doubler()), new RuntimeOptions());
        using IModelRun run = models.Get("doubler").CreateRun();
        using NativeTensor x = NativeTensor.Of<float>([1, 2, 3], 1, 3);
        run.BindInput("x", x);
        run.BindOutputToAllocated("y");
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();

        Assert.Throws<OperationCanceledException>(() => run.Run(cancellation.Token));
        run.Run(CancellationToken.None);
        using NativeTensor y = run.TakeOutput("y");
        Assert.Equal(2, y.ElementCount);
    }

    [Fact]
    public void Load_ManifestThatPromisesOtherInputs_ListsEveryMismatch()
    {
        ModelBundle bundle = WriteBundle(Doubler(), manifest => manifest with
        {
            Components = new() { ["doubler"] = manifest.Components["doubler"] with { Inputs = [new TensorSpec("x", TensorElementKind.Int64, ["rows", 4]), new TensorSpec("z", TensorElementKind.Float, [1])] } },
        });
        using ModelSet models = new(bundle, new RuntimeOptions());

        ModelContractException exception = Assert.Throws<ModelContractException>(() => models.Get("doubler"));
        Assert.Equal(3, exception.Mismatches.Count);
    }

    [Fact]
    public void Save_SameGraphTwice_IsByteIdenticalAndHashedAsWritten()
    {
        string first = Directory.CreateDirectory(Path.Combine(_folder, "first")).FullName;
        string second = Directory.CreateDirectory(Path.Combine(_folder, "second")).FullName;
        IReadOnlyList<BundleFile> files = GraphFile.Save(Doubler(), first);
        GraphFile.Save(Doubler(), second);

        Assert.Equal(["doubler.onnx", "doubler.onnx.data"], files.Select(file => file.Path));
        foreach (BundleFile file in files)
        {
            byte[] bytes = File.ReadAllBytes(Path.Combine(first, file.Path));
            Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(second, file.Path)));
            Assert.Equal(file.Size, bytes.Length);
            Assert.Equal(file.Sha256, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
    }

    [Fact]
    public void Node_NameUsedTwice_IsAnError()
    {
        GraphBuilder graph = new("twice");
        Value x = graph.Input("x", DataType.Float, "n");
        graph.Op("Neg", "/a", [x]);

        Assert.Throws<InvalidOperationException>(() => graph.Op("Abs", "/a", [x]));
    }

    [Fact]
    public void Tap_NotAskedFor_IsNoOutput()
    {
        Assert.Equal(["y"], Doubler().Outputs.Select(output => output.Name));
        Assert.Equal(["product", "y"], Doubler(new GraphOptions { Taps = ["prod*"] }).Outputs.Select(output => output.Name));
    }

    private static GraphBuilder Doubler(GraphOptions? options = null)
    {
        GraphBuilder graph = new("doubler", options);
        Value x = graph.Input("x", DataType.Float, "rows", 3);
        Value weight = graph.Weight("w", Weight.Of("w", [2, 3], [1, 0, 1, 0, 1, 1]).Transposed());
        Value product = graph.MatMul("/product/MatMul", x, weight);
        graph.Tap("product", product, DataType.Float, "rows", 2);
        graph.Output("y", graph.Add("/bias/Add", product, graph.FloatScalar(0.5f)), DataType.Float, "rows", 2);
        return graph;
    }

    private ModelBundle WriteBundle(GraphBuilder graph, Func<BundleManifest, BundleManifest>? change = null)
    {
        IReadOnlyList<BundleFile> files = GraphFile.Save(graph, _folder);
        BundleManifest manifest = new()
        {
            FormatVersion = BundleManifest.CurrentFormatVersion,
            Family = BundleFamily.MusicGen,
            ExporterVersion = "test",
            Components = new()
            {
                [graph.Name] = new BundleComponent { Graph = files[0].Path, Files = files, Precision = "float32", Inputs = [.. graph.Inputs], Outputs = [.. graph.Outputs] },
            },
        };
        manifest = change?.Invoke(manifest) ?? manifest;
        File.WriteAllBytes(Path.Combine(_folder, BundleManifest.FileName), JsonSerializer.SerializeToUtf8Bytes(manifest, BundleJson.Default.BundleManifest));
        return ModelBundle.Open(_folder);
    }
}
