using System.Buffers.Binary;

namespace M2UGen.Export.Graph;

/// <summary>A vector of 64-bit integers in the external data file, for tables too long to stand in the graph itself.</summary>
/// <param name="values">The elements.</param>
internal sealed class Int64Initializer(long[] values) : InitializerData(DataType.Int64, [values.Length])
{
    /// <inheritdoc/>
    public override long WriteTo(Stream stream)
    {
        byte[] raw = new byte[values.Length * sizeof(long)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(raw.AsSpan(i * sizeof(long)), values[i]);
        }

        stream.Write(raw);
        return raw.Length;
    }
}
