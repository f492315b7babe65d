using System.Runtime.InteropServices;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Parity;

/// <summary>The tensors of a case, read one by one through the exporter's own reader.</summary>
internal sealed class TensorFile : IDisposable
{
    private readonly Checkpoint checkpoint;

    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    public TensorFile(string path)
    {
        checkpoint = Checkpoint.Open(path);
        Names = [.. checkpoint.Tensors.Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>The names of all tensors, in ordinal order.</summary>
    public IReadOnlyList<string> Names { get; }

    public bool Has(string name) => checkpoint.Tensors.ContainsKey(name);

    public long[] Shape(string name) => [.. Tensor(name).Shape];

    /// <summary>True for whole-number types and booleans.</summary>
    public bool IsInteger(string name) => Tensor(name).ElementType is not
        (TensorElementType.Float64 or TensorElementType.Float32 or TensorElementType.Float16 or TensorElementType.BFloat16);

    /// <summary>A tensor of any real type as float32, row-major.</summary>
    public float[] Float(string name) => Tensor(name).ReadFloat32();

    /// <summary>A tensor of any real type as float64, row-major.</summary>
    public double[] Double(string name)
    {
        CheckpointTensor tensor = Tensor(name);
        if (tensor.ElementType == TensorElementType.Float64)
        {
            double[] values = new double[tensor.ElementCount];
            tensor.ReadBytes(MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        return IsInteger(name) ? Array.ConvertAll(Int64(name), v => (double)v) : Array.ConvertAll(tensor.ReadFloat32(), v => (double)v);
    }

    /// <summary>A whole-number tensor as int64, row-major.</summary>
    /// <exception cref="ParityException">It holds other numbers.</exception>
    public long[] Int64(string name)
    {
        CheckpointTensor tensor = Tensor(name);
        if (tensor.ElementType == TensorElementType.Int64)
        {
            long[] values = new long[tensor.ElementCount];
            tensor.ReadBytes(MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }

        // Up to 16 bits are exact in float32; 32 bits are not and go their own way.
        return tensor.ElementType switch
        {
            TensorElementType.Int32 => Array.ConvertAll(As<int>(tensor), v => (long)v),
            TensorElementType.UInt8 or TensorElementType.Int8 or TensorElementType.Int16 or TensorElementType.Bool =>
                Array.ConvertAll(tensor.ReadFloat32(), v => (long)v),
            _ => throw new ParityException($"Tensor '{name}' of '{checkpoint.Path}' has type {tensor.ElementType}, which is no whole number this runner reads."),
        };
    }

    public void Dispose() => checkpoint.Dispose();

    private static T[] As<T>(CheckpointTensor tensor)
        where T : unmanaged
    {
        T[] values = new T[tensor.ElementCount];
        tensor.ReadBytes(MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private CheckpointTensor Tensor(string name) =>
        checkpoint.Tensors.TryGetValue(name, out CheckpointTensor? tensor) ? tensor : throw new ParityException($"'{checkpoint.Path}' has no tensor '{name}'.");
}
