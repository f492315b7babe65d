using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Audio;

/// <summary>The 'fmt ' chunk of a WAV file, read and checked.</summary>
/// <remarks>
/// Layout (little-endian): tag u16, channels u16, rate u32, bytes per second u32, block align u16, bits u16;
/// extensible (tag 0xFFFE): extension size u16 (22), valid bits u16, channel mask u32, sub-format GUID whose first two bytes are the tag.
/// Samples are scaled by their container, not by the valid bits: those are left-justified.
/// </remarks>
internal static class WavHeader
{
    public const int MinimumFormatSize = 16;
    public const int ExtensibleFormatSize = 40;
    public const ushort TagPcm = 1;
    public const ushort TagFloat = 3;
    public const ushort TagALaw = 6;
    public const ushort TagMuLaw = 7;
    public const ushort TagExtensible = 0xFFFE;

    /// <summary>The last 14 bytes of KSDATAFORMAT_SUBTYPE_*; the first two are the format tag.</summary>
    public static ReadOnlySpan<byte> SubFormatTail => [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

    /// <summary>The same for ambisonic B-format files, which store samples alike.</summary>
    private static ReadOnlySpan<byte> AmbisonicTail => [0, 0, 0x21, 0x07, 0xD3, 0x11, 0x86, 0x44, 0xC8, 0xC1, 0xCA, 0, 0, 0];

    /// <summary>Reads the chunk's body; what it says is checked before anybody allocates by it.</summary>
    /// <exception cref="MediaFormatException">A value is impossible or an encoding is not known; the message names both.</exception>
    public static WavFormat Parse(ReadOnlySpan<byte> chunk, string? path)
    {
        if (chunk.Length < MinimumFormatSize)
        {
            throw new MediaFormatException(path, $"the 'fmt ' chunk has {chunk.Length} bytes; a WAV file has at least {MinimumFormatSize}. The file is cut short or damaged.");
        }

        ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(chunk);
        int channels = BinaryPrimitives.ReadUInt16LittleEndian(chunk[2..]);
        uint rate = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
        int blockAlign = BinaryPrimitives.ReadUInt16LittleEndian(chunk[12..]);
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(chunk[14..]);
        if (tag == TagExtensible)
        {
            tag = ReadSubFormat(chunk, path);
        }

        if (tag is not (TagPcm or TagFloat or TagALaw or TagMuLaw))
        {
            throw Unknown(tag, bits, path);
        }

        if (channels is 0 or > AudioClip.MaxChannels)
        {
            throw new MediaFormatException(path, $"the header says {channels} channels; 1 to {AudioClip.MaxChannels} can be read.");
        }

        if (rate is 0 or > AudioClip.MaxSampleRate)
        {
            throw new MediaFormatException(path, $"the header says {rate} samples per second; 1 to {AudioClip.MaxSampleRate} can be read.");
        }

        return new WavFormat((int)rate, channels, EncodingOf(tag, bits, ContainerBytes(channels, blockAlign, bits, path), path));
    }

    private static ushort ReadSubFormat(ReadOnlySpan<byte> chunk, string? path)
    {
        if (chunk.Length < ExtensibleFormatSize || BinaryPrimitives.ReadUInt16LittleEndian(chunk[16..]) < 22)
        {
            throw new MediaFormatException(path, $"the 'fmt ' chunk says that it is extensible but lacks the extension: {ExtensibleFormatSize} bytes expected, {chunk.Length} found.");
        }

        ReadOnlySpan<byte> tail = chunk.Slice(26, 14);
        return tail.SequenceEqual(SubFormatTail) || tail.SequenceEqual(AmbisonicTail)
            ? BinaryPrimitives.ReadUInt16LittleEndian(chunk[24..])
            : throw new MediaFormatException(path, $"the sub-format {new Guid(chunk.Slice(24, 16))} is not a kind of sample this library reads (PCM, float, µ-law, A-law).");
    }

    /// <summary>Bytes of one stored sample; a block align of 0, or one that fits no whole container, is taken from the bits where these are certain.</summary>
    private static int ContainerBytes(int channels, int blockAlign, int bits, string? path)
    {
        int fromBits = (bits + 7) / 8;
        if (blockAlign == 0 || blockAlign == channels * fromBits)
        {
            return fromBits;
        }

        // 20 or 24 valid bits kept in a wider container, said by the block size alone.
        return blockAlign % channels == 0 && blockAlign / channels > fromBits && fromBits > 0
            ? blockAlign / channels
            : throw new MediaFormatException(path, $"the header contradicts itself: a block of {blockAlign} bytes for {channels} channels of {bits} bits ({channels * fromBits} expected).");
    }

    private static WavEncoding EncodingOf(ushort tag, int bits, int containerBytes, string? path) => (tag, containerBytes) switch
    {
        (TagPcm, 1) => WavEncoding.Pcm8,
        (TagPcm, 2) => WavEncoding.Pcm16,
        (TagPcm, 3) => WavEncoding.Pcm24,
        (TagPcm, 4) => WavEncoding.Pcm32,
        (TagFloat, 4) when bits == 32 => WavEncoding.Float32,
        (TagFloat, 8) when bits == 64 => WavEncoding.Float64,
        (TagALaw, 1) => WavEncoding.ALaw,
        (TagMuLaw, 1) => WavEncoding.MuLaw,
        _ => throw Unknown(tag, bits, path),
    };

    private static MediaFormatException Unknown(ushort tag, int bits, string? path) =>
        new(path, $"samples of format tag 0x{tag:X4} ({NameOf(tag)}) with {bits} bits cannot be read; PCM 8/16/24/32, float 32/64, µ-law and A-law can. Convert the file to one of these.");

    private static string NameOf(ushort tag) => tag switch
    {
        TagPcm => "PCM",
        TagFloat => "IEEE float",
        TagALaw => "A-law",
        TagMuLaw => "µ-law",
        0x0002 => "Microsoft ADPCM",
        0x0011 => "IMA ADPCM",
        0x0031 => "GSM 6.10",
        0x0050 => "MPEG layer 1 or 2",
        0x0055 => "MP3",
        0x00FF => "AAC",
        0x2000 => "AC-3",
        TagExtensible => "extensible within extensible",
        _ => "unknown",
    };
}
