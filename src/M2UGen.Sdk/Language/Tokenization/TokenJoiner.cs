using System.Runtime.InteropServices;
using System.Text;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>Joins tokens to text. Immutable and thread-safe.</summary>
internal abstract class TokenJoiner
{
    /// <summary>Joins the tokens.</summary>
    public abstract string Join(IReadOnlyList<string> tokens);
}

/// <summary>A space's sign becomes a space, at the start of the text nothing; without a sign tokens are joined by spaces.</summary>
/// <param name="replacement">The sign for a space, or null.</param>
/// <param name="dropsFirst">Whether the signs of the first token go.</param>
internal sealed class SpaceSignJoiner(char? replacement, bool dropsFirst) : TokenJoiner
{
    /// <inheritdoc/>
    public override string Join(IReadOnlyList<string> tokens)
    {
        if (replacement is not { } sign)
        {
            return string.Join(' ', tokens);
        }

        return string.Concat(tokens.Select((token, i) =>
            i == 0 && dropsFirst ? token.Replace(sign.ToString(), string.Empty, StringComparison.Ordinal) : token.Replace(sign, ' ')));
    }
}

/// <summary>Puts the bytes together that the tokens spell; what is no UTF-8 becomes U+FFFD.</summary>
internal sealed class ByteLevelJoiner : TokenJoiner
{
    /// <inheritdoc/>
    public override string Join(IReadOnlyList<string> tokens)
    {
        List<byte> bytes = [];
        foreach (string token in tokens)
        {
            ByteLevelAlphabet.AppendBytes(token, bytes);
        }

        return Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(bytes));
    }
}
