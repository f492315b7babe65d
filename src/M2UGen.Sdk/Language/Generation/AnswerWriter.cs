using System.Text;
using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Sdk.Language.Generation;

/// <summary>
/// Builds the text that a reader sees, token by token: without music tokens, stop sequence and white space at the ends, cut where
/// <see cref="Fidelity"/> says. What streams out joined is the whole text.
/// </summary>
/// <remarks>Not thread-safe; one instance an answer.</remarks>
internal sealed class AnswerWriter
{
    // The stop sequence is always three tokens, whichever they are (StopRule).
    private const int StopTokens = 3;

    private readonly LlamaTextTokenizer _tokenizer;
    private readonly StreamingDetokenizer _detokenizer;
    private readonly Fidelity _fidelity;
    private readonly Queue<int> _held = new(StopTokens);
    private readonly StringBuilder _visible = new();
    private readonly StringBuilder _white = new();
    private int _sent;
    private bool _afterAudioToken;
    private bool _ended;

    public AnswerWriter(LlamaTextTokenizer tokenizer, Fidelity fidelity)
    {
        _tokenizer = tokenizer;
        _fidelity = fidelity;
        _detokenizer = new StreamingDetokenizer(tokenizer);
    }

    /// <summary>The text so far.</summary>
    public override string ToString() => _visible.ToString();

    /// <summary>Takes the next token that the model chose.</summary>
    public void Push(int id)
    {
        if (_fidelity.CutAnswerAtNewline)
        {
            _ended |= id == _tokenizer.NewlineId;
            Show(id);
            return;
        }

        // Any token may be the first of the stop sequence, so the last ones wait until they are known not to be.
        _held.Enqueue(id);
        if (_held.Count > StopTokens)
        {
            Show(_held.Dequeue());
        }
    }

    /// <summary>Ends the answer: what was held back comes out, or goes if it was the stop sequence.</summary>
    public void Complete(StopReason reason)
    {
        if (reason != StopReason.StopSequence)
        {
            while (_held.TryDequeue(out int id))
            {
                Show(id);
            }
        }

        _held.Clear();
        if (!_ended)
        {
            Append(_detokenizer.Complete());
        }
    }

    /// <summary>What has become visible since the last call; empty if nothing.</summary>
    public string TakeNew()
    {
        if (_sent == _visible.Length)
        {
            return string.Empty;
        }

        string text = _visible.ToString(_sent, _visible.Length - _sent);
        _sent = _visible.Length;
        return text;
    }

    /// <summary>The answer as the reference's generate() returns it: cut, not cleaned.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="fidelity">Where to cut.</param>
    /// <param name="ids">All chosen tokens.</param>
    /// <param name="reason">Why there are no more.</param>
    public static string Raw(LlamaTextTokenizer tokenizer, Fidelity fidelity, ReadOnlySpan<int> ids, StopReason reason)
    {
        if (reason == StopReason.EndOfSequence)
        {
            ids = ids[..^1];
        }

        if (fidelity.CutAnswerAtNewline)
        {
            return AnswerText.Raw(tokenizer, ids);
        }

        return tokenizer.Decode(reason == StopReason.StopSequence ? ids[..^StopTokens] : ids);
    }

    private void Show(int id)
    {
        _ended |= _fidelity.StopAtEndOfSequence && id == _tokenizer.EosId;
        if (_ended)
        {
            return;
        }

        if (id >= _tokenizer.AudioTokenStart && id < _tokenizer.AudioTokenStart + LlamaTextTokenizer.AudioTokenCount)
        {
            _afterAudioToken = true;
            return;
        }

        Append(_detokenizer.Push(id));
    }

    private void Append(string text)
    {
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                _white.Append(c);
                continue;
            }

            if (_visible.Length > 0)
            {
                // The white space on both sides of a left-out music token becomes one space.
                _ = _afterAudioToken ? _visible.Append(' ') : _visible.Append(_white);
            }

            _white.Clear();
            _afterAudioToken = false;
            _visible.Append(c);
        }
    }
}
