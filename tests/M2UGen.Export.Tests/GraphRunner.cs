using M2UGen.Export.Graph;
using Microsoft.ML.OnnxRuntime;

namespace M2UGen.Export.Tests;

/// <summary>Saves a graph into a folder of its own and runs it with ONNX Runtime.</summary>
internal sealed class GraphRunner : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-graph-").FullName;
    private readonly InferenceSession session;

    public GraphRunner(GraphBuilder graph)
    {
        GraphFile.Save(graph, folder);
        using SessionOptions options = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, IntraOpNumThreads = 1 };
        session = new InferenceSession(Path.Combine(folder, graph.Name + ".onnx"), options);
    }

    /// <summary>Runs once. Inputs are (name, elements of float, long, int, sbyte or bool, shape); outputs come back as floats (ids and codes too, which floats hold exactly) with their shapes.</summary>
    public Dictionary<string, (float[] Values, long[] Shape)> Run(params (string Name, Array Elements, long[] Shape)[] inputs)
    {
        Dictionary<string, OrtValue> values = [];
        try
        {
            foreach ((string name, Array elements, long[] shape) in inputs)
            {
                values.Add(name, elements switch
                {
                    float[] floats => OrtValue.CreateTensorValueFromMemory(floats, shape),
                    long[] longs => OrtValue.CreateTensorValueFromMemory(longs, shape),
                    sbyte[] bytes => OrtValue.CreateTensorValueFromMemory(bytes, shape),
                    int[] ints => OrtValue.CreateTensorValueFromMemory(ints, shape),
                    bool[] flags => OrtValue.CreateTensorValueFromMemory(flags, shape),
                    _ => throw new ArgumentException($"{name}: no tensors of {elements.GetType()}"),
                });
            }

            using RunOptions options = new();
            string[] names = [.. session.OutputMetadata.Where(output => output.Value.ElementType == typeof(float) || output.Value.ElementType == typeof(long) || output.Value.ElementType == typeof(sbyte)).Select(output => output.Key)];
            using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, values, names);
            Dictionary<string, (float[], long[])> outputs = [];
            for (int i = 0; i < names.Length; i++)
            {
                Type type = session.OutputMetadata[names[i]].ElementType;
                float[] numbers = type == typeof(long) ? Array.ConvertAll(results[i].GetTensorDataAsSpan<long>().ToArray(), number => (float)number)
                    : type == typeof(sbyte) ? Array.ConvertAll(results[i].GetTensorDataAsSpan<sbyte>().ToArray(), number => (float)number)
                    : results[i].GetTensorDataAsSpan<float>().ToArray();
                outputs.Add(names[i], (numbers, results[i].GetTensorTypeAndShape().Shape));
            }

            return outputs;
        }
        finally
        {
            foreach (OrtValue value in values.Values)
            {
                value.Dispose();
            }
        }
    }

    public void Dispose()
    {
        session.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
