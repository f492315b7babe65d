using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// A visible character for every byte, so that a vocabulary can be written as text: printable Latin-1 bytes stand for themselves, the others
/// for the characters from U+0100 on in their order (a space is 'Ġ'). Source: GPT-2 encoder.py, <c>bytes_to_unicode</c>.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] Signs = MakeSigns();
    private static readonly Dictionary<char, byte> Bytes = Enumerable.Range(0, 256).ToDictionary(value => Signs[value], value => (byte)value);

    /// <summary>Spells the UTF-8 bytes of a text.</summary>
    /// <param name="text">Valid UTF-16.</param>
    /// <returns>One character a byte.</returns>
    public static string Spell(ReadOnlySpan<char> text)
    {
        byte[] utf8 = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, utf8);
        return string.Create(utf8.Length, utf8, static (signs, bytes) =>
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                signs[i] = Signs[bytes[i]];
            }
        });
    }

    /// <summary>Appends the bytes that a token spells; a token with any other character is appended as its own UTF-8.</summary>
    public static void AppendBytes(string token, List<byte> bytes)
    {
        int before = bytes.Count;
        foreach (char sign in token)
        {
            if (!Bytes.TryGetValue(sign, out byte value))
            {
                bytes.RemoveRange(before, bytes.Count - before);
                bytes.AddRange(Encoding.UTF8.GetBytes(token));
                return;
            }

            bytes.Add(value);
        }
    }

    private static char[] MakeSigns()
    {
        char[] signs = new char[256];
        char next = '\u0100';
        for (int value = 0; value < signs.Length; value++)
        {
            bool visible = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            signs[value] = visible ? (char)value : next++;
        }

        return signs;
    }
}
