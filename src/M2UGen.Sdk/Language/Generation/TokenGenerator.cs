namespace M2UGen.Sdk.Language.Generation;

/// <summary>The loop of an answer behind a prompt that the decoder has read: choose a token; stop or read it; again.</summary>
/// <remarks>M2UGen, reference m2ugen.py generate(). Not thread-safe; one instance an answer. Nothing is allocated per token.</remarks>
internal sealed class TokenGenerator(LlamaDecoder decoder, AnswerSampler sampler, StopRule stopRule, AudioTokenStates states)
{
    private int[] _ids = [];
    private int _count;

    /// <summary>The most tokens to choose.</summary>
    public required int Limit { get; init; }

    /// <summary>The tokens chosen so far, those of a stop included.</summary>
    public ReadOnlySpan<int> TokenIds => _ids.AsSpan(0, _count);

    /// <summary>Runs to the end.</summary>
    /// <param name="prompt">What the decoder has read: at least one token.</param>
    /// <param name="sink">Told of every token; null if nobody is.</param>
    /// <param name="cancellationToken">Looked at in every step and inside its model call.</param>
    public StopReason Generate(ReadOnlySpan<int> prompt, ITokenSink? sink, CancellationToken cancellationToken)
    {
        _ids = new int[Limit];
        _count = 0;
        stopRule.Reset(prompt);
        while (true)
        {
            int id = ChooseNext();
            sink?.OnToken(id, _count);
            if (stopRule.Push(id))
            {
                return stopRule.EndOfSequenceSeen ? StopReason.EndOfSequence : StopReason.StopSequence;
            }

            if (_count == Limit)
            {
                return StopReason.LengthLimit;
            }

            decoder.Step(id, cancellationToken);
        }
    }

    private int ChooseNext()
    {
        // The hidden state belongs to the position whose logits the token is chosen from.
        int id = sampler.Choose(decoder.Logits);
        states.Observe(id, decoder.HiddenState);
        return _ids[_count++] = id;
    }
}
