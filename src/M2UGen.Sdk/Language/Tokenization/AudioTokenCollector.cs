namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>
/// Gathers the eight audio tokens of an answer as the reference does: [AUD0] to [AUD7] are awaited in order, whatever stands between; a new
/// [AUD0] after a full set starts again. Source: reference m2ugen.py <c>generate</c>, <c>start_gather</c>. Not thread-safe.
/// </summary>
internal sealed class AudioTokenCollector
{
    private readonly int _start;
    private readonly int _count;
    private int _held;

    /// <summary>Gathers the audio tokens of <paramref name="tokenizer"/>.</summary>
    public AudioTokenCollector(LlamaTextTokenizer tokenizer)
        : this(tokenizer.AudioTokenStart, LlamaTextTokenizer.AudioTokenCount)
    {
    }

    /// <summary>Gathers the <paramref name="count"/> tokens from id <paramref name="start"/> on.</summary>
    public AudioTokenCollector(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        _start = start;
        _count = count;
    }

    /// <summary>Whether a full set is held: music follows if this is so at the end of the answer.</summary>
    public bool IsComplete => _held == _count;

    /// <summary>Takes the next token of the answer.</summary>
    /// <returns>The slot (0 to count - 1) whose hidden state is the one that predicted this token, or -1.</returns>
    public int Push(int id)
    {
        // After a full set the next token awaited is the first one again, and its arrival drops the old set.
        int slot = _held == _count ? 0 : _held;
        if (id != _start + slot)
        {
            return -1;
        }

        _held = slot + 1;
        return slot;
    }
}
