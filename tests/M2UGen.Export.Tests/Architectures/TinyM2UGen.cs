using M2UGen.Export.Architectures;
using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>The tiny M2UGen of the goldens, opened once, and what the reference computed with it.</summary>
public sealed class TinyM2UGen : IDisposable
{
    private readonly Checkpoint checkpoint = Checkpoint.Open(Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"));

    public TinyM2UGen()
    {
        Inputs = Checkpoint.Open(Path.Combine(Repository.Golden("m2ugen-parts"), "inputs.safetensors"));
        Expected = Checkpoint.Open(Path.Combine(Repository.Golden("m2ugen-parts"), "expected.safetensors"));
        Map = WeightMap.From(checkpoint);
        Parameters = LlamaParams.Read(Path.Combine(Repository.Golden("m2ugen-base"), "llama", "7B", "params.json"));
        Llama = LlamaWeights.Read(Map.Under("llama."), Parameters, Map.Require("prefix_query.weight", WeightMapExtensions.Any, Parameters.Dim));
    }

    internal WeightMap Map { get; }

    internal LlamaParams Parameters { get; }

    internal LlamaWeights Llama { get; }

    internal Checkpoint Inputs { get; }

    internal Checkpoint Expected { get; }

    /// <summary>Ids of row <paramref name="row"/> of the teacher-forced texts.</summary>
    internal long[] Ids(int row)
    {
        CheckpointTensor tensor = Inputs.Tensors[$"tf.{row}.ids"];
        long[] ids = new long[tensor.ElementCount];
        tensor.ReadBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(ids.AsSpan()));
        return ids;
    }

    internal float[] Want(string name) => Expected.Tensors[name].ReadFloat32();

    internal static float LargestDifference(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        float largest = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            largest = MathF.Max(largest, MathF.Abs(expected[i] - actual[i]));
            Assert.False(float.IsNaN(actual[i]), $"Element {i} is not a number.");
        }

        return largest;
    }

    public void Dispose()
    {
        checkpoint.Dispose();
        Inputs.Dispose();
        Expected.Dispose();
    }
}
