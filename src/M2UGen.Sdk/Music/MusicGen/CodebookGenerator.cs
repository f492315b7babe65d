namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The token loop of MusicGen (arXiv:2306.05284): one code of every codebook a step, laid out by the delay pattern, until a pass is done.</summary>
/// <remarks>
/// A step feeds one column of codes and chooses the next. Of a piece of music with K codebooks a channel and the pattern in use, column t of codebook k belongs to
/// frame t - 1 - k, so a frame is whole when column t = frame + K has been chosen: that is when <see cref="CodeFrames.Count"/> moves on.
/// Everything is allocated by the constructor and by <see cref="Begin"/>; a step allocates nothing. Not thread-safe.
/// </remarks>
internal sealed class CodebookGenerator
{
    private readonly MusicGenSequence _sequence;
    private readonly MusicGenConfig _config;
    private readonly CodeFrames _frames;
    private readonly CodeChooser _chooser;
    private readonly float _guidanceScale;
    private readonly bool _guided;
    private readonly int _pieces;
    private readonly long[] _column;
    private readonly float[] _scores;
    private DelayPattern? _pattern;
    private MusicGenWindow _window;
    private int _next;

    /// <param name="sequence">The decoder, with rows for guidance where the scale is above 1.</param>
    /// <param name="config">The model's numbers.</param>
    /// <param name="frames">Where codes go, [pieces × codebooks, frames]; holds the prompt's codes already.</param>
    /// <param name="chooser">Greedy, or at random.</param>
    /// <param name="guidanceScale">How far the unconditional half is left behind; 1 or less uses the conditional rows alone.</param>
    public CodebookGenerator(MusicGenSequence sequence, MusicGenConfig config, CodeFrames frames, CodeChooser chooser, double guidanceScale)
    {
        _sequence = sequence;
        _config = config;
        _frames = frames;
        _chooser = chooser;
        _guidanceScale = (float)guidanceScale;
        _guided = IsGuided(guidanceScale);
        _pieces = frames.Rows / config.Codebooks;
        if (sequence.Rows != (_guided ? 2 : 1) * _pieces)
        {
            throw new ArgumentException($"{frames.Rows} rows of codes with {config.Codebooks} codebooks need a sequence of {(_guided ? 2 : 1) * _pieces} rows; it has {sequence.Rows}.", nameof(sequence));
        }

        _column = new long[frames.Rows];
        _scores = new float[config.VocabularySize];
    }

    /// <summary>Only scales above 1 need unconditional rows, as in the reference's generate().</summary>
    public static bool IsGuided(double guidanceScale) => guidanceScale > 1;

    /// <summary>Prepares a pass: the first <see cref="MusicGenWindow.PromptFrames"/> of its frames are known, the others are forgotten.</summary>
    public void Begin(MusicGenWindow window)
    {
        _window = window;
        _next = 1 + window.PromptFrames;
        long[] prompt = new long[_column.Length * _next];
        for (int row = 0; row < _column.Length; row++)
        {
            prompt[row * _next] = _config.StartTokenId;
            _frames.Row(row, window.From, window.PromptFrames).CopyTo(prompt.AsSpan((row * _next) + 1));
        }

        _pattern = new DelayPattern(_config.Codebooks, _config.Channels, _config.PadTokenId, prompt, _next, _next + window.NewTokens);
        _frames.Count = window.From + window.PromptFrames;
    }

    /// <summary>Takes one step.</summary>
    /// <returns>False when the pass was done already.</returns>
    public bool Step(CancellationToken cancellationToken)
    {
        if (_pattern is null || _next >= _pattern.Length)
        {
            return false;
        }

        ReadOnlySpan<float> logits = _next == _pattern.StartLength
            ? _sequence.Begin(_pattern.BuildStartIds(), _next, cancellationToken)
            : _sequence.Step(_column, cancellationToken);
        for (int row = 0; row < _column.Length; row++)
        {
            long forced = _pattern.Forced(row, _next);
            _column[row] = forced == DelayPattern.Free ? Choose(logits, row, _pattern.FrameAt(row, _next)) : forced;
        }

        _next++;
        _frames.Count = Math.Max(_frames.Count, _window.From + _pattern.CompleteFrames(_next));
        return true;
    }

    private long Choose(ReadOnlySpan<float> logits, int row, int frame)
    {
        int vocabulary = _config.VocabularySize;
        ReadOnlySpan<float> scores = logits.Slice(row * vocabulary, vocabulary);
        if (_guided)
        {
            ClassifierFreeGuidance.Apply(scores, logits.Slice((_column.Length + row) * vocabulary, vocabulary), _guidanceScale, _scores);
            scores = _scores;
        }

        int code = _chooser.Choose(scores, row);
        _frames[row, _window.From + frame] = code;
        return code;
    }
}
