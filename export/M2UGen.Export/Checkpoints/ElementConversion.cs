using System.Buffers.Binary;

namespace M2UGen.Export.Checkpoints;

/// <summary>Turns stored elements into float32, exactly where float32 can hold them, else rounded to nearest even.</summary>
internal static class ElementConversion
{
    private static readonly float[] E4M3 = MakeTable(DecodeE4M3);
    private static readonly float[] E5M2 = MakeTable(b => (float)BitConverter.UInt16BitsToHalf((ushort)(b << 8)));
    private static readonly float[] E8M0 = MakeTable(b => b == 255 ? float.NaN : MathF.ScaleB(1, b - 127));

    /// <summary>Converts all elements of <paramref name="source"/> (little-endian); there are as many as <paramref name="destination"/> takes.</summary>
    public static void ToFloat32(TensorElementType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case TensorElementType.Float32:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BinaryPrimitives.ReadSingleLittleEndian(source[(4 * i)..]);
                }

                break;
            case TensorElementType.Float16:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(source[(2 * i)..]);
                }

                break;
            case TensorElementType.BFloat16:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..]) << 16);
                }

                break;
            case TensorElementType.Float64:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(source[(8 * i)..]);
                }

                break;
            case TensorElementType.Int64:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BinaryPrimitives.ReadInt64LittleEndian(source[(8 * i)..]);
                }

                break;
            case TensorElementType.UInt64:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BinaryPrimitives.ReadUInt64LittleEndian(source[(8 * i)..]);
                }

                break;
            case TensorElementType.Int32:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BinaryPrimitives.ReadInt32LittleEndian(source[(4 * i)..]);
                }

                break;
            case TensorElementType.UInt32:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BinaryPrimitives.ReadUInt32LittleEndian(source[(4 * i)..]);
                }

                break;
            case TensorElementType.Int16:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BinaryPrimitives.ReadInt16LittleEndian(source[(2 * i)..]);
                }

                break;
            case TensorElementType.UInt16:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..]);
                }

                break;
            case TensorElementType.Int8:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (sbyte)source[i];
                }

                break;
            case TensorElementType.UInt8 or TensorElementType.Bool:
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = source[i];
                }

                break;
            default:
                float[] table = type switch
                {
                    TensorElementType.Float8E4M3 => E4M3,
                    TensorElementType.Float8E5M2 => E5M2,
                    TensorElementType.Float8E8M0 => E8M0,
                    _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Has no float32 form."),
                };
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = table[source[i]];
                }

                break;
        }
    }

    /// <summary>float8_e4m3fn: no infinities; only 0x7F and 0xFF are NaN.</summary>
    private static float DecodeE4M3(int bits)
    {
        int exponent = (bits >> 3) & 15;
        int mantissa = bits & 7;
        float magnitude = exponent == 15 && mantissa == 7
            ? float.NaN
            : exponent == 0
                ? MathF.ScaleB(mantissa, -9)
                : MathF.ScaleB(8 + mantissa, exponent - 10);
        return (bits & 0x80) != 0 ? -magnitude : magnitude;
    }

    private static float[] MakeTable(Func<int, float> decode)
    {
        float[] table = new float[256];
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = decode(i);
        }

        return table;
    }
}
