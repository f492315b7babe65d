using System.Buffers.Binary;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Walks the fields of one protobuf message without a schema. It allocates nothing and never reads past its bytes; a broken message
/// raises <see cref="InvalidDataException"/>, which the owner of the file turns into an error that names the file.
/// </summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;
    private ReadOnlySpan<byte> _bytes;
    private ulong _number;
    private int _wireType;

    /// <summary>The number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>Moves to the next field; false at the end of the message.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        ulong tag = ReadVarint();
        if (tag >> 3 is 0 or > int.MaxValue >> 2)
        {
            throw new InvalidDataException($"a protobuf field has the number {tag >> 3}");
        }

        Field = (int)(tag >> 3);
        _wireType = (int)(tag & 7);
        _bytes = default;
        switch (_wireType)
        {
            case 0:
                _number = ReadVarint();
                break;
            case 1:
                _number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                _bytes = Take(ReadVarint());
                break;
            case 5:
                _number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw new InvalidDataException($"protobuf field {Field} has the wire type {_wireType}");
        }

        return true;
    }

    /// <summary>The current field as a length-delimited value.</summary>
    public readonly ReadOnlySpan<byte> Bytes => _wireType == 2 ? _bytes : throw Unexpected("bytes");

    /// <summary>The current field as an int32 (also an enumeration).</summary>
    public readonly int Int32 => _wireType == 0 ? unchecked((int)_number) : throw Unexpected("an integer");

    /// <summary>The current field as an int64.</summary>
    public readonly long Int64 => _wireType == 0 ? unchecked((long)_number) : throw Unexpected("an integer");

    /// <summary>Appends the current field of a repeated int64, whether it is one element or all of them packed.</summary>
    public readonly void AddInt64s(List<long> values)
    {
        if (_wireType == 0)
        {
            values.Add(Int64);
            return;
        }

        ProtobufReader packed = new(Bytes);
        while (!packed._rest.IsEmpty)
        {
            values.Add(unchecked((long)packed.ReadVarint()));
        }
    }

    /// <summary>The current field as a boolean.</summary>
    public readonly bool Boolean => _wireType == 0 ? _number != 0 : throw Unexpected("a boolean");

    /// <summary>The current field as a 32-bit float.</summary>
    public readonly float Single => _wireType == 5 ? BitConverter.UInt32BitsToSingle((uint)_number) : throw Unexpected("a float");

    private readonly InvalidDataException Unexpected(string wanted) =>
        new($"protobuf field {Field} has the wire type {_wireType} where {wanted} belongs");

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte b = Take(1)[0];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("a protobuf number is longer than ten bytes");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
        {
            throw new InvalidDataException($"the protobuf message ends in the middle: {count} bytes announced, {_rest.Length} left");
        }

        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }
}
