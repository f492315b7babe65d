using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Sdk.Language.Generation;

/// <summary>
/// Keeps the hidden state of the position that predicted each awaited music token ([AUD0], [AUD1], … in order, whatever comes between them).
/// M2UGen, reference m2ugen.py generate(): start_gather and music_output_embeddings.
/// </summary>
/// <remarks>
/// The reference holds one list that restarts at every awaited [AUD0] and makes music if all tokens are held at the end; so a set that was begun
/// after a complete one and not finished unmakes the music (<see cref="Fidelity.RequireLastAudioTokenSetComplete"/>). Allocates nothing after construction.
/// </remarks>
internal sealed class AudioTokenStates
{
    private readonly AudioTokenCollector _tokens;
    private readonly int _dim;
    private float[] _current;
    private float[] _complete;
    private bool _hasComplete;

    /// <param name="tokenizer">Knows the music tokens.</param>
    /// <param name="dim">Width of a hidden state.</param>
    public AudioTokenStates(LlamaTextTokenizer tokenizer, int dim)
    {
        _tokens = new AudioTokenCollector(tokenizer);
        _dim = dim;
        _current = new float[LlamaTextTokenizer.AudioTokenCount * dim];
        _complete = new float[LlamaTextTokenizer.AudioTokenCount * dim];
    }

    /// <summary>Looks at a chosen token.</summary>
    /// <param name="token">The token.</param>
    /// <param name="hiddenState">[dim] hidden state at the position whose logits it was chosen from.</param>
    public void Observe(int token, ReadOnlySpan<float> hiddenState)
    {
        int slot = _tokens.Push(token);
        if (slot < 0)
        {
            return;
        }

        hiddenState.CopyTo(_current.AsSpan(slot * _dim, _dim));
        if (_tokens.IsComplete)
        {
            (_current, _complete) = (_complete, _current);
            _hasComplete = true;
        }
    }

    /// <summary>[tokens, dim] hidden states to make music from, or null.</summary>
    public float[]? Take(bool requireLastSetComplete) =>
        _hasComplete && (_tokens.IsComplete || !requireLastSetComplete) ? (float[])_complete.Clone() : null;
}
