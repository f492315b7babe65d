using System.Diagnostics;
using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;
using Microsoft.ML.OnnxRuntime;

namespace M2UGen.Parity.Speed;

/// <summary>A graph with made-up inputs, to be timed.</summary>
internal sealed class TimedSession : IDisposable
{
    private const int GemmRows = 2048;
    private const int GemmSize = 1024;
    private const int GemmLayers = 4;

    private readonly InferenceSession session;
    private readonly Dictionary<string, OrtValue> inputs = [];
    private readonly RunOptions options = new();

    /// <param name="path">The graph.</param>
    /// <param name="threads">Threads of one operator.</param>
    /// <param name="sizes">Of the dimensions that vary.</param>
    /// <param name="profilePrefix">Where the runtime writes times of every node; null for none.</param>
    public TimedSession(string path, int threads, IReadOnlyDictionary<string, long> sizes, string? profilePrefix = null)
    {
        using SessionOptions sessionOptions = new() { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        if (profilePrefix is not null)
        {
            sessionOptions.EnableProfiling = true;
            sessionOptions.ProfileOutputPathPrefix = profilePrefix;
        }

        session = new InferenceSession(path, sessionOptions);
        Random random = new(2);
        foreach ((string name, NodeMetadata metadata) in session.InputMetadata)
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

            inputs.Add(name, OrtValue.CreateTensorValueFromMemory(values, shape));
        }
    }

    /// <summary>Multiply-adds of <see cref="OpenGemm"/>.</summary>
    public static long GemmMultiplyAdds => (long)GemmLayers * GemmRows * GemmSize * GemmSize;

    /// <summary>The bound: a few large matrix products with constant matrices, one after the other.</summary>
    public static TimedSession OpenGemm(string folder, int threads)
    {
        GraphBuilder graph = new("gemm");
        Value x = graph.Input("x", DataType.Float, GemmRows, GemmSize);
        for (int i = 0; i < GemmLayers; i++)
        {
            float[] matrix = new float[GemmSize * GemmSize];
            Array.Fill(matrix, 0.5f / GemmSize);
            x = Linear.Emit(graph, $"/layers.{i}", x, Weight.Of($"layers.{i}", [GemmSize, GemmSize], matrix));
        }

        graph.Output("y", x, DataType.Float, GemmRows, GemmSize);
        GraphFile.Save(graph, folder);
        return new TimedSession(Path.Combine(folder, "gemm.onnx"), threads, new Dictionary<string, long>());
    }

    /// <summary>Runs once.</summary>
    /// <returns>Wall time, and the processor time of the whole process, which other programs' load hardly moves.</returns>
    public (double Seconds, double ProcessorSeconds) Run()
    {
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, inputs, [.. session.OutputMetadata.Keys]);
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
    }

    /// <summary>Ends profiling.</summary>
    /// <returns>The file with the times.</returns>
    public string EndProfile() => session.EndProfiling();

    public void Dispose()
    {
        foreach (OrtValue value in inputs.Values)
        {
            value.Dispose();
        }

        options.Dispose();
        session.Dispose();
    }
}
