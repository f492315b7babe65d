using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>The bytes around the samples of a WAV file.</summary>
/// <remarks>
/// <code>
/// 'RIFF' size 'WAVE' [ 'JUNK' 28 bytes ] 'fmt ' … [ 'fact' 4 bytes ] 'data' size | samples | [pad] [ 'LIST' INFO ]
/// 'RF64' -1   'WAVE'   'ds64' 28 bytes   'fmt ' … [ 'fact' -1      ] 'data' -1   |   the same file beyond 4 GiB
/// </code>
/// EBU Tech 3306: the JUNK chunk keeps the place of ds64, so the header never changes its length.
/// </remarks>
internal sealed class WavLayout
{
    private const int LongSizesBytes = 28;
    private readonly bool _reserve;
    private readonly long _limit;

    /// <summary>Creates the layout.</summary>
    /// <param name="format">What is written.</param>
    /// <param name="expectedDataBytes">The size of the data where it is known; without it, or above 4 GiB, the place of ds64 is kept free.</param>
    /// <param name="limit">The largest size that a 32-bit field may hold; smaller in tests.</param>
    public WavLayout(WavFormat format, long? expectedDataBytes = null, long limit = uint.MaxValue - 1)
    {
        format.ThrowIfNotWritable();
        Format = format;
        _limit = limit;
        _reserve = expectedDataBytes is not long bytes || bytes > limit - (64 << 10);
    }

    /// <summary>What is written.</summary>
    public WavFormat Format { get; }

    private bool IsFloat => Format.Encoding is WavEncoding.Float32 or WavEncoding.Float64;

    private bool IsExtensible => Format.Channels > 2;

    /// <summary>Everything before the samples.</summary>
    /// <param name="dataBytes">Bytes of samples, or null while not known: sizes are then 0xFFFFFFFF.</param>
    /// <param name="tailBytes">Bytes after the samples.</param>
    public byte[] Header(long? dataBytes, long tailBytes)
    {
        int formatSize = IsExtensible ? WavHeader.ExtensibleFormatSize : IsFloat ? 18 : WavHeader.MinimumFormatSize;
        int length = 12 + (_reserve ? 8 + LongSizesBytes : 0) + 8 + formatSize + (IsFloat ? 12 : 0) + 8;
        long riffSize = length - 8 + (dataBytes ?? 0) + tailBytes;
        bool isLong = _reserve && dataBytes is not null && riffSize > _limit;
        uint Size(long size) => isLong || dataBytes is null ? uint.MaxValue : (uint)size;

        ChunkWriter header = new(new byte[length]);
        header.Name(isLong ? "RF64"u8 : "RIFF"u8).U32(Size(riffSize)).Name("WAVE"u8);
        if (_reserve)
        {
            header.Name(isLong ? "ds64"u8 : "JUNK"u8).U32(LongSizesBytes);
            header.U64(isLong ? riffSize : 0).U64(isLong ? dataBytes!.Value : 0).U64(isLong ? dataBytes!.Value / Format.BytesPerFrame : 0).U32(0);
        }

        header.Name("fmt "u8).U32((uint)formatSize);
        WriteFormat(header);
        if (IsFloat)
        {
            header.Name("fact"u8).U32(4).U32(Size((dataBytes ?? 0) / Format.BytesPerFrame));
        }

        header.Name("data"u8).U32(Size(dataBytes ?? 0));
        return header.Bytes;
    }

    /// <summary>Everything after the samples: the pad byte and the comment.</summary>
    public static byte[] Tail(long dataBytes, string? comment)
    {
        byte[] list = comment is null ? [] : InfoChunk.Write(comment);
        return (dataBytes & 1) == 0 ? list : [0, .. list];
    }

    private void WriteFormat(ChunkWriter header)
    {
        ushort tag = IsFloat ? WavHeader.TagFloat : WavHeader.TagPcm;
        ushort bits = (ushort)(8 * Format.BytesPerSample);
        header.U16(IsExtensible ? WavHeader.TagExtensible : tag).U16((ushort)Format.Channels).U32((uint)Format.SampleRate);
        header.U32((uint)Math.Min((long)Format.SampleRate * Format.BytesPerFrame, uint.MaxValue)).U16((ushort)Format.BytesPerFrame).U16(bits);
        if (IsExtensible)
        {
            // No speaker positions are claimed (mask 0): the clip does not know them.
            header.U16(22).U16(bits).U32(0).U16(tag).Name(WavHeader.SubFormatTail);
        }
        else if (IsFloat)
        {
            header.U16(0);
        }
    }

    /// <summary>Appends little-endian fields.</summary>
    private sealed class ChunkWriter(byte[] bytes)
    {
        private int _at;

        public byte[] Bytes => bytes;

        public ChunkWriter Name(ReadOnlySpan<byte> name)
        {
            name.CopyTo(bytes.AsSpan(_at));
            _at += name.Length;
            return this;
        }

        public ChunkWriter U16(ushort value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(_at), value);
            _at += sizeof(ushort);
            return this;
        }

        public ChunkWriter U32(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(_at), value);
            _at += sizeof(uint);
            return this;
        }

        public ChunkWriter U64(long value)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(_at), value);
            _at += sizeof(long);
            return this;
        }
    }
}
