namespace M2UGen.Export.Checkpoints;

#pragma warning disable CA1720 // The members are named after number formats, which is what they are.

/// <summary>How a checkpoint stores one number. All types are little-endian in memory and in <see cref="CheckpointTensor.ReadBytes(Span{byte})"/>.</summary>
public enum TensorElementType
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>IEEE 754 binary16.</summary>
    Float16,

    /// <summary>The upper half of a binary32.</summary>
    BFloat16,

    /// <summary>IEEE 754 binary64.</summary>
    Float64,

    /// <summary>Signed, 8 bytes.</summary>
    Int64,

    /// <summary>Signed, 4 bytes.</summary>
    Int32,

    /// <summary>Signed, 2 bytes.</summary>
    Int16,

    /// <summary>Signed, 1 byte.</summary>
    Int8,

    /// <summary>Unsigned, 1 byte.</summary>
    UInt8,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>1 sign, 4 exponent, 3 mantissa bits, bias 7, no infinities (torch's float8_e4m3fn).</summary>
    Float8E4M3,

    /// <summary>1 sign, 5 exponent, 2 mantissa bits: the upper half of a binary16.</summary>
    Float8E5M2,

    /// <summary>A power of two: 8 exponent bits, bias 127, 255 is NaN.</summary>
    Float8E8M0,

    /// <summary>Unsigned, 2 bytes.</summary>
    UInt16,

    /// <summary>Unsigned, 4 bytes.</summary>
    UInt32,

    /// <summary>Unsigned, 8 bytes.</summary>
    UInt64,

    /// <summary>Two binary32, real part first. Can be read as bytes, not as float32.</summary>
    Complex64,
}

#pragma warning restore CA1720

/// <summary>Sizes and names of <see cref="TensorElementType"/>.</summary>
public static class TensorElementTypes
{
    private static readonly (TensorElementType Type, int Size, string Name)[] Rows =
    [
        (TensorElementType.Float32, 4, "F32"), (TensorElementType.Float16, 2, "F16"), (TensorElementType.BFloat16, 2, "BF16"),
        (TensorElementType.Float64, 8, "F64"), (TensorElementType.Int64, 8, "I64"), (TensorElementType.Int32, 4, "I32"),
        (TensorElementType.Int16, 2, "I16"), (TensorElementType.Int8, 1, "I8"), (TensorElementType.UInt8, 1, "U8"),
        (TensorElementType.Bool, 1, "BOOL"), (TensorElementType.Float8E4M3, 1, "F8_E4M3"), (TensorElementType.Float8E5M2, 1, "F8_E5M2"),
        (TensorElementType.Float8E8M0, 1, "F8_E8M0"), (TensorElementType.UInt16, 2, "U16"), (TensorElementType.UInt32, 4, "U32"),
        (TensorElementType.UInt64, 8, "U64"), (TensorElementType.Complex64, 8, "C64"),
    ];

    /// <summary>Bytes of one element.</summary>
    public static int Size(this TensorElementType type) => Find(type).Size;

    /// <summary>The type's name in safetensors headers, for example <c>BF16</c>.</summary>
    public static string SafetensorsName(this TensorElementType type) => Find(type).Name;

    /// <summary>The type that safetensors calls <paramref name="name"/> (case matters), or null.</summary>
    internal static TensorElementType? FromSafetensorsName(string name)
    {
        foreach (var row in Rows)
        {
            if (row.Name == name)
            {
                return row.Type;
            }
        }

        return null;
    }

    private static (TensorElementType Type, int Size, string Name) Find(TensorElementType type)
    {
        foreach (var row in Rows)
        {
            if (row.Type == type)
            {
                return row;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(type), type, "Not an element type.");
    }
}
