namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>One or several pieces that are chosen alike and keep time with each other: their codes, their random sequences, their guidance, and where the delay pattern of a pass stands.</summary>
/// <remarks>
/// Of a piece with K codebooks a channel and the pattern in use, column t of codebook k belongs to frame t - 1 - k, so a frame is whole when column t = frame + K has been chosen:
/// that is when <see cref="CodeFrames.Count"/> moves on. Not thread-safe.
/// </remarks>
internal sealed class CodebookTrack
{
    private readonly MusicGenConfig _config;
    private readonly CodeChooser _chooser;
    private readonly float _guidanceScale;
    private readonly float[] _scores;
    private DelayPattern? _pattern;
    private MusicGenWindow _window;

    /// <param name="config">The model's numbers.</param>
    /// <param name="frames">Where codes go, [pieces × codebooks, frames]; holds the prompt's codes already.</param>
    /// <param name="chooser">Greedy, or at random; of as many rows.</param>
    /// <param name="guidanceScale">How far the unconditional half is left behind; 1 or less uses the conditional rows alone.</param>
    public CodebookTrack(MusicGenConfig config, CodeFrames frames, CodeChooser chooser, double guidanceScale)
    {
        _config = config;
        Frames = frames;
        _chooser = chooser;
        _guidanceScale = (float)guidanceScale;
        IsGuided = CodebookGenerator.IsGuided(guidanceScale);
        _scores = new float[config.VocabularySize];
    }

    /// <summary>The codes.</summary>
    public CodeFrames Frames { get; }

    /// <summary>Whether the track has unconditional rows.</summary>
    public bool IsGuided { get; }

    /// <summary>Pieces of music.</summary>
    public int Pieces => Frames.Rows / _config.Codebooks;

    /// <summary>Steps that were this track's, of all passes.</summary>
    public int Steps { get; private set; }

    /// <summary>Positions of the pass; 0 where the track has none.</summary>
    public int Length => _pattern?.Length ?? 0;

    /// <summary>Prepares a pass: the first <see cref="MusicGenWindow.PromptFrames"/> of its frames are known, the others are forgotten.</summary>
    public void Begin(MusicGenWindow window)
    {
        _window = window;
        int start = 1 + window.PromptFrames;
        long[] prompt = new long[Frames.Rows * start];
        for (int row = 0; row < Frames.Rows; row++)
        {
            prompt[row * start] = _config.StartTokenId;
            Frames.Row(row, window.From, window.PromptFrames).CopyTo(prompt.AsSpan((row * start) + 1));
        }

        _pattern = new DelayPattern(_config.Codebooks, _config.Channels, _config.PadTokenId, prompt, start, start + window.NewTokens);
        Frames.Count = window.From + window.PromptFrames;
    }

    /// <summary>Leaves a pass to the other tracks.</summary>
    public void Rest() => _pattern = null;

    /// <summary>What the pass starts from, [rows, length]; pads where the track has no pass.</summary>
    public void CopyStartTo(Span<long> ids)
    {
        if (_pattern is null)
        {
            ids.Fill(_config.PadTokenId);
            return;
        }

        _pattern.BuildStartIds().CopyTo(ids);
    }

    /// <summary>Chooses the codes of a column; pads behind the track's end.</summary>
    /// <param name="position">The column.</param>
    /// <param name="logits">[rows, vocabulary] of the track's rows.</param>
    /// <param name="unconditional">The same of its unconditional rows; empty without guidance.</param>
    /// <param name="column">Out, [rows].</param>
    public void Choose(int position, ReadOnlySpan<float> logits, ReadOnlySpan<float> unconditional, Span<long> column)
    {
        if (_pattern is null || position >= _pattern.Length)
        {
            column.Fill(_config.PadTokenId);
            return;
        }

        for (int row = 0; row < column.Length; row++)
        {
            long forced = _pattern.Forced(row, position);
            column[row] = forced == DelayPattern.Free ? Choose(logits, unconditional, row, _pattern.FrameAt(row, position)) : forced;
        }

        Steps++;
        Frames.Count = Math.Max(Frames.Count, _window.From + _pattern.CompleteFrames(position + 1));
    }

    private long Choose(ReadOnlySpan<float> logits, ReadOnlySpan<float> unconditional, int row, int frame)
    {
        int vocabulary = _config.VocabularySize;
        ReadOnlySpan<float> scores = logits.Slice(row * vocabulary, vocabulary);
        if (IsGuided)
        {
            ClassifierFreeGuidance.Apply(scores, unconditional.Slice(row * vocabulary, vocabulary), _guidanceScale, _scores);
            scores = _scores;
        }

        int code = _chooser.Choose(scores, row);
        Frames[row, _window.From + frame] = code;
        return code;
    }
}
