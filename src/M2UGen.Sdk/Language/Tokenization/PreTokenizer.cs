namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>A stretch of the input: text, or a token that was cut out of it.</summary>
/// <param name="Text">The characters.</param>
/// <param name="Id">The token's id, or -1 for text.</param>
internal readonly record struct TextPart(string Text, int Id)
{
    /// <summary>A stretch of text.</summary>
    public TextPart(string text)
        : this(text, -1)
    {
    }

    /// <summary>Whether this is a token.</summary>
    public bool IsToken => Id >= 0;
}

/// <summary>A step that cuts normalised text into the parts that the model encodes by themselves. Immutable and thread-safe.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Cuts each stretch of text further; empty ones go, tokens stay as they are.</summary>
    public abstract List<TextPart> Split(List<TextPart> parts);
}

/// <summary>Several steps in order.</summary>
internal sealed class SequencePreTokenizer(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    /// <inheritdoc/>
    public override List<TextPart> Split(List<TextPart> parts) => steps.Aggregate(parts, (current, step) => step.Split(current));
}

/// <summary>Cuts at white space and drops it.</summary>
internal sealed class WhitespaceSplitPreTokenizer : PreTokenizer
{
    /// <inheritdoc/>
    public override List<TextPart> Split(List<TextPart> parts) =>
    [
        .. parts.SelectMany(part => part.IsToken
            ? [part]
            : part.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(text => new TextPart(text))),
    ];
}

/// <summary>Where ▁ is put in front.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}

/// <summary>Spaces become ▁ (or another sign), one is put in front, and each starts a new part.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    /// <inheritdoc/>
    public override List<TextPart> Split(List<TextPart> parts)
    {
        List<TextPart> result = [];
        bool first = true;
        foreach (TextPart part in parts)
        {
            if (part.IsToken)
            {
                result.Add(part);
                continue;
            }

            if (part.Text.Length == 0)
            {
                continue;
            }

            string text = part.Text.Replace(' ', replacement);
            if (text[0] != replacement && (scheme == PrependScheme.Always || (scheme == PrependScheme.First && first)))
            {
                text = replacement + text;
            }

            first = false;
            int start = 0;
            for (int i = 1; split && i < text.Length; i++)
            {
                if (text[i] == replacement)
                {
                    result.Add(new TextPart(text[start..i]));
                    start = i;
                }
            }

            result.Add(new TextPart(text[start..]));
        }

        return result;
    }
}
