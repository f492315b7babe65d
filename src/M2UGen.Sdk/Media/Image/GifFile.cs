using System.Buffers;
using System.Buffers.Binary;

namespace M2UGen.Sdk.Media.Image;

/// <summary>A GIF file's first frame, as a file of its own with a ramp for its palette.</summary>
/// <remarks>
/// Decoders make transparent pixels colourless; PIL's convert('RGB') gives them their palette's colour, and so the indices are decoded and looked up here.
/// What the frame does not cover takes the transparent index, or 0; a frame that reaches beyond the canvas widens it.
/// Source: GIF89a specification; Pillow 9.5, GifImagePlugin.py, _seek and load_prepare.
/// </remarks>
internal static class GifFile
{
    private const int HeaderSize = 13;
    private const int DescriptorSize = 10;
    private const byte Extension = 0x21;
    private const byte ImageDescriptor = 0x2C;
    private const byte Trailer = 0x3B;
    private const byte GraphicControl = 0xF9;
    private const byte HasTable = 0x80;
    private const byte Interlaced = 0x40;

    /// <summary>The first frame and its palette.</summary>
    /// <exception cref="ImageException">There is none, or the file ends before it.</exception>
    public static PreparedImage Prepare(ReadOnlyMemory<byte> file)
    {
        ReadOnlySpan<byte> bytes = file.Span;
        ReadOnlySpan<byte> header = Take(ref bytes, HeaderSize);
        ReadOnlySpan<byte> table = TakeTable(ref bytes, header[10]);
        byte transparent = 0;
        while (true)
        {
            switch (Take(ref bytes, 1)[0])
            {
                case Extension:
                    bool control = Take(ref bytes, 1)[0] == GraphicControl;
                    for (ReadOnlySpan<byte> block = TakeBlock(ref bytes); block.Length > 0; block = TakeBlock(ref bytes))
                    {
                        if (control && block.Length >= 4)
                        {
                            transparent = (block[0] & 1) != 0 ? block[3] : transparent;
                        }
                    }

                    break;

                case ImageDescriptor:
                    ReadOnlySpan<byte> descriptor = Take(ref bytes, DescriptorSize - 1);
                    ReadOnlySpan<byte> local = TakeTable(ref bytes, descriptor[8]);
                    return new PreparedImage(Frame(header, descriptor, bytes), ExifOrientation.Upright, new ImagePalette(local.IsEmpty ? table : local, fillIndex: transparent));

                case Trailer:
                    throw new ImageException("it has no frame.");

                default:
                    break; // stray bytes between blocks, which PIL passes over too
            }
        }
    }

    /// <param name="header">Signature and logical screen descriptor.</param>
    /// <param name="descriptor">Left, top, width, height (16 bits each) and flags.</param>
    /// <param name="data">The code size and the data blocks, with whatever follows.</param>
    private static ReadOnlyMemory<byte> Frame(ReadOnlySpan<byte> header, ReadOnlySpan<byte> descriptor, ReadOnlySpan<byte> data)
    {
        if (UInt16(descriptor[4..]) == 0 || UInt16(descriptor[6..]) == 0)
        {
            throw new ImageException("its first frame has no pixels.");
        }

        int right = UInt16(descriptor) + UInt16(descriptor[4..]);
        int bottom = UInt16(descriptor[2..]) + UInt16(descriptor[6..]);
        int width = Math.Max(UInt16(header[6..]), right);
        int height = Math.Max(UInt16(header[8..]), bottom);
        if (width > ushort.MaxValue || height > ushort.MaxValue)
        {
            throw new ImageException($"its first frame reaches to {right} x {bottom}, beyond the largest canvas.");
        }

        ReadOnlySpan<byte> end = data[Math.Min(1, data.Length)..];
        while (end.Length > 0 && end[0] > 0)
        {
            end = end[Math.Min(end.Length, end[0] + 1)..];
        }

        ArrayBufferWriter<byte> file = new(data.Length - end.Length + (4 * ImagePalette.Size));
        Span<byte> start = file.GetSpan(HeaderSize + (3 * ImagePalette.Size) + DescriptorSize);
        header[..6].CopyTo(start);
        BinaryPrimitives.WriteUInt16LittleEndian(start[6..], (ushort)width);
        BinaryPrimitives.WriteUInt16LittleEndian(start[8..], (ushort)height);
        start[10] = HasTable | 7;
        (start[11], start[12]) = (0, 0);
        ImagePalette.Ramp(ImagePalette.Size, 3, start[HeaderSize..]);
        Span<byte> frame = start[(HeaderSize + (3 * ImagePalette.Size))..];
        frame[0] = ImageDescriptor;
        descriptor.CopyTo(frame[1..]);
        frame[9] = (byte)(descriptor[8] & Interlaced);
        file.Advance(HeaderSize + (3 * ImagePalette.Size) + DescriptorSize);
        file.Write(data[..^end.Length]);
        if (end.Length > 0)
        {
            file.Write<byte>([0, Trailer]);
        }

        return file.WrittenMemory;
    }

    private static ReadOnlySpan<byte> TakeTable(ref ReadOnlySpan<byte> bytes, byte flags) =>
        (flags & HasTable) != 0 ? Take(ref bytes, 3 << ((flags & 7) + 1)) : [];

    private static ReadOnlySpan<byte> TakeBlock(ref ReadOnlySpan<byte> bytes) => Take(ref bytes, Take(ref bytes, 1)[0]);

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        if (count > bytes.Length)
        {
            throw new ImageException("the file ends before its first frame.");
        }

        ReadOnlySpan<byte> taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }

    private static int UInt16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);
}
