using System.Diagnostics;
using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace M2UGen.Cli.Bench.Timing;

/// <summary>A graph with made-up inputs, to be timed.</summary>
internal sealed class TimedSession : IDisposable
{
    private const int GemmSize = 1024;

    private readonly InferenceSession _session;
    private readonly Dictionary<string, OrtValue> _inputs = [];
    private readonly RunOptions _options = new();

    /// <param name="path">The graph.</param>
    /// <param name="runtime">Where it runs.</param>
    /// <param name="sizes">Of the dimensions that vary.</param>
    /// <param name="profilePrefix">Where the runtime writes the times of every node; null for none.</param>
    public TimedSession(string path, RuntimeOptions runtime, IReadOnlyDictionary<string, long> sizes, string? profilePrefix = null)
    {
        _session = OnnxRuntimeHost.CreateSession(path, Path.GetFileNameWithoutExtension(path), runtime, profilePrefix);
        Random random = new(2);
        foreach ((string name, NodeMetadata metadata) in _session.InputMetadata)
        {
            long[] shape = [.. metadata.Dimensions.Select((size, i) => size >= 0 ? size : sizes[metadata.SymbolicDimensions[i]])];
            float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
            if (!name.EndsWith("bias", StringComparison.Ordinal))
            {
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] = (2 * random.NextSingle()) - 1;
                }
            }

            _inputs.Add(name, OrtValue.CreateTensorValueFromMemory(values, shape));
        }
    }

    /// <summary>Of one run; 0 where nobody counted them.</summary>
    public long MultiplyAdds { get; init; }

    /// <summary>The bound: matrix products with constant matrices, one after the other, [rows, 1024] times [1024, 1024].</summary>
    /// <param name="folder">Where the graph is written; it must outlive the session.</param>
    /// <param name="runtime">Where it runs.</param>
    /// <param name="rows">Rows of the factor that is not constant.</param>
    /// <param name="layers">Products of one run.</param>
    public static TimedSession OpenGemm(string folder, RuntimeOptions runtime, int rows = 2048, int layers = 4)
    {
        GraphBuilder graph = new("gemm");
        Value x = graph.Input("x", TensorElementKind.Float, rows, GemmSize);
        for (int i = 0; i < layers; i++)
        {
            float[] matrix = new float[GemmSize * GemmSize];
            Array.Fill(matrix, 0.5f / GemmSize);
            x = Linear.Emit(graph, $"/layers.{i}", x, Weight.Of($"layers.{i}", [GemmSize, GemmSize], matrix));
        }

        graph.Output("y", x, TensorElementKind.Float, rows, GemmSize);
        GraphFile.Save(graph, folder);
        return new TimedSession(Path.Combine(folder, "gemm.onnx"), runtime, new Dictionary<string, long>()) { MultiplyAdds = (long)layers * rows * GemmSize * GemmSize };
    }

    /// <summary>Runs once.</summary>
    /// <returns>Wall time, and the processor time of the whole process, which other programs' load hardly moves.</returns>
    public (double Seconds, double ProcessorSeconds) Run()
    {
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(_options, _inputs, [.. _session.OutputMetadata.Keys]);
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
    }

    /// <summary>Ends profiling.</summary>
    /// <returns>The times of the nodes.</returns>
    public NodeTimes EndProfile() => new(_session.EndProfiling());

    public void Dispose()
    {
        foreach (OrtValue value in _inputs.Values)
        {
            value.Dispose();
        }

        _options.Dispose();
        _session.Dispose();
    }
}
