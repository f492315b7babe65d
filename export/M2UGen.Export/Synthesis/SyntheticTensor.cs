using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Synthesis;

/// <summary>A tensor of a made-up checkpoint: name, type and shape as the reference stores them, and how its numbers are drawn.</summary>
/// <param name="Name">As in the checkpoint.</param>
/// <param name="Type">Float32 or Float16; given elements may be Float64 or Int64 too.</param>
/// <param name="Shape">The dimensions.</param>
/// <param name="Spread">Standard deviation of the normally distributed numbers.</param>
/// <param name="Mean">Their mean.</param>
internal sealed record SyntheticTensor(string Name, TensorElementType Type, IReadOnlyList<long> Shape, double Spread, double Mean = 0)
{
    /// <summary>Given elements instead of drawn ones, or null; whole numbers below 2^24 where the type is Int64.</summary>
    public Func<float[]>? Elements { get; init; }

    /// <summary>The name of the tensor whose storage this one shares, or null. Formats that store every tensor by itself leave it out.</summary>
    public string? SharedWith { get; init; }

    /// <summary>Number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>Bytes in the file.</summary>
    public long ByteCount => ElementCount * Type.Size();
}

/// <summary>Lists the tensors of a model: weights scaled so that signals neither die out nor explode on their way.</summary>
/// <param name="type">How the weights are stored unless said otherwise.</param>
internal sealed class Blueprint(TensorElementType type = TensorElementType.Float32)
{
    private readonly List<SyntheticTensor> _tensors = [];

    /// <summary>What was listed, in order.</summary>
    public IReadOnlyList<SyntheticTensor> Tensors => _tensors;

    /// <summary>Adds a tensor as it is.</summary>
    public void Add(SyntheticTensor tensor) => _tensors.Add(tensor);

    /// <summary>Adds normally distributed numbers.</summary>
    public void Add(string name, double spread, params ReadOnlySpan<long> shape) => Add(new SyntheticTensor(name, type, shape.ToArray(), spread));

    /// <summary>Adds a matrix [rows, columns] whose products keep the size of what comes in, times <paramref name="gain"/>.</summary>
    public void Matrix(string name, long rows, long columns, double gain = 1, TensorElementType? stored = null)
        => Add(new SyntheticTensor(name, stored ?? type, [rows, columns], gain / Math.Sqrt(columns)));

    /// <summary>Adds <c>name.weight</c> and <c>name.bias</c>.</summary>
    public void Linear(string name, long rows, long columns, double gain = 1)
    {
        Matrix($"{name}.weight", rows, columns, gain);
        Add($"{name}.bias", 0.05, rows);
    }

    /// <summary>Adds a norm's weights, about one, and its bias, where it has one.</summary>
    public void Norm(string name, long size, bool hasBias = true)
    {
        Add(new SyntheticTensor($"{name}.weight", type, [size], 0.05, 1));
        if (hasBias)
        {
            Add($"{name}.bias", 0.05, size);
        }
    }
}
