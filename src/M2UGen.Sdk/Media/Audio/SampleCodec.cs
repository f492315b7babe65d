using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>Stored samples to floats and back.</summary>
/// <remarks>Integers are v / 2^(container bits - 1), 8-bit ones (v - 128) / 128, companded ones their 16-bit linear value / 32768, floats as they are.</remarks>
internal static class SampleCodec
{
    private static readonly float[] MuLawTable = BuildTable(ExpandMuLaw);
    private static readonly float[] ALawTable = BuildTable(ExpandALaw);

    /// <summary>Decodes whole samples: <paramref name="stored"/> holds exactly <c>samples.Length</c> of them.</summary>
    public static void Decode(WavEncoding encoding, ReadOnlySpan<byte> stored, Span<float> samples)
    {
        switch (encoding)
        {
            case WavEncoding.Pcm8:
                for (int i = 0; i < samples.Length; i++)
                {
                    samples[i] = (stored[i] - 128) / 128f;
                }

                break;
            case WavEncoding.Pcm16:
                for (int i = 0; i < samples.Length; i++)
                {
                    samples[i] = BinaryPrimitives.ReadInt16LittleEndian(stored[(2 * i)..]) / 32768f;
                }

                break;
            case WavEncoding.Pcm24:
                for (int i = 0; i < samples.Length; i++)
                {
                    ReadOnlySpan<byte> s = stored.Slice(3 * i, 3);
                    samples[i] = (s[0] | (s[1] << 8) | ((sbyte)s[2] << 16)) / 8388608f;
                }

                break;
            case WavEncoding.Pcm32:
                for (int i = 0; i < samples.Length; i++)
                {
                    samples[i] = BinaryPrimitives.ReadInt32LittleEndian(stored[(4 * i)..]) / 2147483648f;
                }

                break;
            case WavEncoding.Float32 when BitConverter.IsLittleEndian:
                MemoryMarshal.Cast<byte, float>(stored)[..samples.Length].CopyTo(samples);
                break;
            case WavEncoding.Float32:
                for (int i = 0; i < samples.Length; i++)
                {
                    samples[i] = BinaryPrimitives.ReadSingleLittleEndian(stored[(4 * i)..]);
                }

                break;
            case WavEncoding.Float64:
                for (int i = 0; i < samples.Length; i++)
                {
                    samples[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(stored[(8 * i)..]);
                }

                break;
            case WavEncoding.MuLaw:
            case WavEncoding.ALaw:
                float[] table = encoding == WavEncoding.MuLaw ? MuLawTable : ALawTable;
                for (int i = 0; i < samples.Length; i++)
                {
                    samples[i] = table[stored[i]];
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(encoding));
        }
    }

    /// <summary>Encodes <paramref name="samples"/>; integers are rounded half to even and clipped, NaN becomes silence.</summary>
    public static void Encode(WavEncoding encoding, ReadOnlySpan<float> samples, Span<byte> stored)
    {
        switch (encoding)
        {
            case WavEncoding.Pcm8:
                for (int i = 0; i < samples.Length; i++)
                {
                    stored[i] = (byte)(Quantize(samples[i], 128) + 128);
                }

                break;
            case WavEncoding.Pcm16:
                for (int i = 0; i < samples.Length; i++)
                {
                    BinaryPrimitives.WriteInt16LittleEndian(stored[(2 * i)..], (short)Quantize(samples[i], 32768));
                }

                break;
            case WavEncoding.Pcm24:
                for (int i = 0; i < samples.Length; i++)
                {
                    int value = Quantize(samples[i], 8388608);
                    stored[3 * i] = (byte)value;
                    stored[(3 * i) + 1] = (byte)(value >> 8);
                    stored[(3 * i) + 2] = (byte)(value >> 16);
                }

                break;
            case WavEncoding.Pcm32:
                for (int i = 0; i < samples.Length; i++)
                {
                    BinaryPrimitives.WriteInt32LittleEndian(stored[(4 * i)..], Quantize(samples[i], 2147483648));
                }

                break;
            case WavEncoding.Float32:
                for (int i = 0; i < samples.Length; i++)
                {
                    BinaryPrimitives.WriteSingleLittleEndian(stored[(4 * i)..], samples[i]);
                }

                break;
            case WavEncoding.Float64:
                for (int i = 0; i < samples.Length; i++)
                {
                    BinaryPrimitives.WriteDoubleLittleEndian(stored[(8 * i)..], samples[i]);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(encoding));
        }
    }

    /// <summary>round(sample × scale), half to even, within [-scale, scale - 1].</summary>
    private static int Quantize(float sample, double scale) =>
        float.IsNaN(sample) ? 0 : (int)Math.Clamp(Math.Round(sample * scale, MidpointRounding.ToEven), -scale, scale - 1);

    private static float[] BuildTable(Func<int, int> expand)
    {
        float[] table = new float[256];
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = expand(i) / 32768f;
        }

        return table;
    }

    /// <summary>ITU-T G.711 µ-law: sign, 3 bits of exponent, 4 of mantissa, all inverted; bias 132.</summary>
    private static int ExpandMuLaw(int code)
    {
        code = ~code & 0xFF;
        int magnitude = ((((code & 0x0F) << 3) + 132) << ((code & 0x70) >> 4)) - 132;
        return (code & 0x80) != 0 ? -magnitude : magnitude;
    }

    /// <summary>ITU-T G.711 A-law: as above with every second bit inverted and a linear first segment.</summary>
    private static int ExpandALaw(int code)
    {
        code ^= 0x55;
        int segment = (code & 0x70) >> 4;
        int magnitude = ((code & 0x0F) << 4) + 8;
        if (segment > 0)
        {
            magnitude = (magnitude + 256) << (segment - 1);
        }

        return (code & 0x80) != 0 ? magnitude : -magnitude;
    }
}
