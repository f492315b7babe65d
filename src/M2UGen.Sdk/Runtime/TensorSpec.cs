using System.Text.Json.Serialization;

namespace M2UGen.Sdk.Runtime;

/// <summary>Element types of ONNX tensors, with the numbers of <c>onnx.proto</c> (TensorProto.DataType).</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TensorElementKind>))]
internal enum TensorElementKind
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
    Float16 = 10,
}

/// <summary>One dimension of a graph's input or output: a size, or the name of a size that may vary.</summary>
internal readonly record struct TensorDimension(long Size, string? Symbol)
{
    public static implicit operator TensorDimension(long size) => new(size, null);

    public static implicit operator TensorDimension(string symbol) => new(-1, symbol);

    public override string ToString() => Symbol ?? Size.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>Name, element type and shape of a graph's input or output.</summary>
internal sealed record TensorSpec(string Name, TensorElementKind Kind, IReadOnlyList<TensorDimension> Dimensions)
{
    public override string ToString() => $"{Name}: {Kind} [{string.Join(", ", Dimensions)}]";
}
