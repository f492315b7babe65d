using System.Buffers.Binary;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// A SentencePiece "precompiled_charsmap": a double-array trie (darts-clone) from UTF-8 sequences to replacement texts.
/// Layout: uint32 size of the trie in bytes, the trie's units (uint32 each), then the replacements, each ended by a zero byte.
/// Source: google/sentencepiece normalizer.cc, huggingface/spm_precompiled.
/// </summary>
internal sealed class CharsMap
{
    // The longest in use is 33 bytes (U+FDFA); the limit keeps a stranger's map from blowing up a text.
    private const int LongestReplacement = 256;

    private readonly uint[] _units;
    private readonly byte[] _replacements;

    private CharsMap(uint[] units, byte[] replacements)
    {
        _units = units;
        _replacements = replacements;
    }

    /// <summary>Reads a map; null for an empty one (the identity).</summary>
    /// <exception cref="InvalidDataException">The blob is damaged.</exception>
    public static CharsMap? Parse(ReadOnlySpan<byte> blob)
    {
        if (blob.IsEmpty)
        {
            return null;
        }

        uint size = blob.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : 0;
        if (size is 0 || size % 4 != 0 || size > blob.Length - 4)
        {
            throw new InvalidDataException($"its character map announces a trie of {size} bytes and has {blob.Length}");
        }

        uint[] units = new uint[size / 4];
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(blob[(4 + (4 * i))..]);
        }

        byte[] replacements = blob[(4 + (int)size)..].ToArray();
        int longest = 0;
        for (ReadOnlySpan<byte> rest = replacements; !rest.IsEmpty;)
        {
            int end = rest.IndexOf((byte)0);
            longest = Math.Max(longest, end < 0 ? rest.Length : end);
            rest = end < 0 ? default : rest[(end + 1)..];
        }

        if (longest > LongestReplacement)
        {
            throw new InvalidDataException($"its character map replaces a character by {longest} bytes; at most {LongestReplacement} are allowed");
        }

        try
        {
            // Checked once here: a lookup may then cut at any zero byte and decode without surprises.
            new UTF8Encoding(false, true).GetCharCount(replacements);
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException("its character map's replacements are not UTF-8", error);
        }

        return new CharsMap(units, replacements);
    }

    /// <summary>
    /// Looks for an entry that <paramref name="utf8"/> starts with.
    /// </summary>
    /// <param name="utf8">The text at the position to normalise.</param>
    /// <param name="shortest">True stops at the first (shortest) entry, as the Rust tokenizers do; false takes the longest, as SentencePiece does.</param>
    /// <param name="length">Bytes of the entry found.</param>
    /// <param name="replacement">UTF-8 text that takes its place.</param>
    /// <returns>Whether an entry was found.</returns>
    public bool TryFind(ReadOnlySpan<byte> utf8, bool shortest, out int length, out ReadOnlySpan<byte> replacement)
    {
        length = 0;
        replacement = default;
        bool found = false;
        uint position = Offset(_units[0]);
        for (int i = 0; i < utf8.Length && utf8[i] != 0; i++)
        {
            position ^= utf8[i];
            if (position >= (uint)_units.Length)
            {
                break;
            }

            uint unit = _units[position];
            if ((unit & 0x800000FF) != utf8[i])
            {
                break;
            }

            position ^= Offset(unit);
            if (position >= (uint)_units.Length)
            {
                break;
            }

            if (((unit >> 8) & 1) == 1)
            {
                uint at = _units[position] & 0x7FFFFFFF;
                if (at <= (uint)_replacements.Length)
                {
                    ReadOnlySpan<byte> tail = _replacements.AsSpan((int)at);
                    int end = tail.IndexOf((byte)0);
                    replacement = end < 0 ? tail : tail[..end];
                    length = i + 1;
                    found = true;
                    if (shortest)
                    {
                        break;
                    }
                }
            }
        }

        return found;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
