using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace M2UGen.Export.Graph;

/// <summary>Writes protobuf fields (wire types varint, 32-bit and length-delimited: all that <c>onnx.proto</c> needs).</summary>
internal sealed class ProtoWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    public void Int64(int field, long value)
    {
        Varint((ulong)(field << 3));
        Varint((ulong)value);
    }

    public void Float(int field, float value)
    {
        Varint((ulong)((field << 3) | 5));
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.Write(bytes);
    }

    public void String(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint((ulong)((field << 3) | 2));
        Varint((ulong)value.Length);
        _bytes.Write(value);
    }

    public void Message(int field, Action<ProtoWriter> write)
    {
        ProtoWriter inner = new();
        write(inner);
        Bytes(field, inner.Written);
    }

    /// <summary>A repeated integer field in packed form.</summary>
    public void PackedInt64(int field, ReadOnlySpan<long> values)
    {
        ProtoWriter inner = new();
        foreach (long value in values)
        {
            inner.Varint((ulong)value);
        }

        Bytes(field, inner.Written);
    }

    private void Varint(ulong value)
    {
        Span<byte> bytes = stackalloc byte[10];
        int count = 0;
        while (value >= 0x80)
        {
            bytes[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        bytes[count++] = (byte)value;
        _bytes.Write(bytes[..count]);
    }
}
