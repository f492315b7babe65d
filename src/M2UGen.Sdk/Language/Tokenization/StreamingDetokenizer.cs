namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Gives an answer's text piece by piece while its tokens arrive: an incomplete UTF-8 character is held back, and what was given out never
/// changes. Not thread-safe; one instance an answer.
/// </summary>
/// <remarks>
/// The pieces together equal <see cref="LlamaTextTokenizer.Decode"/> of all tokens. One case cannot be both prompt and exact: a special
/// token that is shown (a legacy tokenizer's <c>&lt;/s&gt;</c> in the middle of an answer) puts a space before the text in FRONT of it. By
/// default that one space is left out; with <c>exact</c> the text since the last special token waits until it is settled. Settings that ask
/// for clean-up of spaces before punctuation count for the whole text only, not here.
/// </remarks>
internal sealed class StreamingDetokenizer
{
    private readonly LlamaDetokenizer _detokenizer;
    private int _given;

    /// <summary>Starts a stream.</summary>
    /// <param name="tokenizer">The tokenizer that the ids belong to.</param>
    /// <param name="skipSpecialTokens">Whether <c>&lt;s&gt;</c>, <c>&lt;/s&gt;</c> and the like are left out.</param>
    /// <param name="exact">Whether to wait for text that a special token can still change; see the class remarks.</param>
    public StreamingDetokenizer(LlamaTextTokenizer tokenizer, bool skipSpecialTokens = false, bool exact = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _detokenizer = new LlamaDetokenizer(tokenizer, skipSpecialTokens) { OnlyAppend = !exact };
    }

    /// <summary>Takes the next token and returns the text that is now certain; often empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is no token.</exception>
    public string Push(int id)
    {
        _detokenizer.Push(id);
        return Give(_detokenizer.OnlyAppend ? _detokenizer.Text.Length : _detokenizer.SettledLength);
    }

    /// <summary>Ends the stream and returns what was held back.</summary>
    public string Complete()
    {
        _detokenizer.Complete();
        return Give(_detokenizer.Text.Length);
    }

    private string Give(int length)
    {
        string delta = _detokenizer.Text[_given..length].ToString();
        _given = length;
        return delta;
    }
}
