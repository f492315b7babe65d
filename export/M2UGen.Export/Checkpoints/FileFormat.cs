using System.Text;

namespace M2UGen.Export.Checkpoints;

/// <summary>Tells checkpoint formats apart by their first bytes, and says what a file is that is none.</summary>
internal static class FileFormat
{
    /// <summary>The formats of single files.</summary>
    public enum Kind
    {
        /// <summary>A zip archive as torch.save writes it since torch 1.6.</summary>
        TorchZip,

        /// <summary>A safetensors file.</summary>
        Safetensors,
    }

    /// <summary>The first ten bytes of torch's old format: PROTO 2, LONG1 of ten bytes, its magic number's start.</summary>
    private static ReadOnlySpan<byte> LegacyMagic => [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20];

    /// <summary>The format of an open file.</summary>
    /// <exception cref="CheckpointException">It is none of them; the message says what it looks like and what to do.</exception>
    public static Kind Recognise(CheckpointFile file)
    {
        byte[] head = file.Read(0, (int)Math.Min(file.Length, 512));
        ReadOnlySpan<byte> bytes = head;
        if (bytes.IsEmpty)
        {
            throw file.Fail("is empty. Download or copy it again.");
        }

        // Eight bytes of header length, whose upper half is zero in every true file, then a JSON object. Asked first: a length may begin like another format's magic.
        if (bytes.Length > 8 && bytes[8] == (byte)'{' && bytes[4..8].IndexOfAnyExcept((byte)0) < 0)
        {
            return Kind.Safetensors;
        }

        bool namedSafetensors = file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        if (bytes.StartsWith("PK\x03\x04"u8) && !namedSafetensors)
        {
            return Kind.TorchZip;
        }

        if (Foreign(bytes) is { } reason)
        {
            throw file.Fail(reason);
        }

        if (namedSafetensors)
        {
            // Its reader says what is wrong with the header.
            return Kind.Safetensors;
        }

        throw file.Fail(bytes[0] == 0x80
            ? "is a bare pickle, not a checkpoint. Save the state dict with torch.save (torch 1.6 or later) or as safetensors."
            : "is neither a torch zip archive nor a safetensors file.");
    }

    /// <summary>What a file is that people mistake for a checkpoint, or null.</summary>
    private static string? Foreign(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith("version https://git-lfs"u8))
        {
            return "is a Git LFS pointer, not the file itself. Run 'git lfs pull' or download the file.";
        }

        if (bytes.StartsWith("PK\x05\x06"u8))
        {
            return "is an empty zip archive.";
        }

        if (bytes.StartsWith("PK\x03\x04"u8))
        {
            return "is a zip archive under the name of another format. Name it .pth or .bin if it is a torch file.";
        }

        if (bytes.StartsWith(LegacyMagic))
        {
            return "is in torch's format from before 1.6, which is not read. Load and save it again with torch 1.6 or later: torch.save(torch.load(old), new).";
        }

        if (bytes.Length > 1 && bytes[0] == 0x1f && bytes[1] == 0x8b)
        {
            return "is compressed with gzip. Unpack it first.";
        }

        if (bytes.Length > 3 && bytes[0] == 0x89 && bytes[1..4].SequenceEqual("HDF"u8))
        {
            return "is an HDF5 file (Keras, TensorFlow). Use the PyTorch weights of the same model.";
        }

        if (bytes.Length > 262 && bytes[257..262].SequenceEqual("ustar"u8))
        {
            return "is a tar archive: torch's oldest format is not read. Load and save it again with torch 1.6 or later.";
        }

        string text = Encoding.Latin1.GetString(bytes).TrimStart();
        if (text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
        {
            return "is a web page, not a checkpoint: the download was answered with an error or a login. Download it again.";
        }

        return null;
    }
}
