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
    private readonly ICodeChooser _chooser;
    private readonly float _guidanceScale;
    private readonly bool _guided;
    private readonly int _pieces;
    private readonly long[] _column;
    private readonly float[] _scores;
    private DelayLayout? _pattern;
    private MusicGenWindow _window;
    private int _length;
    private int _next;

    /// <param name="sequence">The decoder, with rows for guidance where the scale is above 1.</param>
    /// <param name="config">The model's numbers.</param>
    /// <param name="frames">Where codes go, [pieces × codebooks, frames]; holds the prompt's codes already.</param>
    /// <param name="chooser">Greedy, or at random.</param>
    /// <param name="guidanceScale">How far the unconditional half is left behind; 1 or less uses the conditional rows alone.</param>
    public CodebookGenerator(MusicGenSequence sequence, MusicGenConfig config, CodeFrames frames, ICodeChooser chooser, double guidanceScale)
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

    /// <summary>Steps of the current pass that are done.</summary>
    public int StepsDone => _next - (1 + _window.PromptFrames);

    /// <summary>Prepares a pass: the first <see cref="MusicGenWindow.PromptFrames"/> of its frames are known, the others are forgotten.</summary>
    public void Begin(MusicGenWindow window)
    {
        _window = window;
        _length = 1 + window.PromptFrames + window.NewTokens;
        _next = 1 + window.PromptFrames;
        _pattern = new DelayLayout(_config.Codebooks, _config.Channels, _length);
        _frames.Count = window.From + window.PromptFrames;
    }

    /// <summary>Takes one step.</summary>
    /// <returns>False when the pass was done already.</returns>
    public bool Step(CancellationToken cancellationToken)
    {
        if (_pattern is null || _next >= _length)
        {
            return false;
        }

        ReadOnlySpan<float> logits = _next == 1 + _window.PromptFrames
            ? Start(_pattern, cancellationToken)
            : _sequence.Step(_column, cancellationToken);
        for (int row = 0; row < _column.Length; row++)
        {
            _column[row] = Choose(_pattern, logits, row);
        }

        int whole = _next - (_pattern.Applies ? _config.CodebooksPerChannel - 1 : 0);
        _frames.Count = Math.Max(_frames.Count, _window.From + whole);
        _next++;
        return true;
    }

    /// <summary>Feeds the start and the prompt, laid out by the pattern.</summary>
    private ReadOnlySpan<float> Start(DelayLayout pattern, CancellationToken cancellationToken)
    {
        long[] ids = new long[_column.Length * _next];
        for (int row = 0; row < _column.Length; row++)
        {
            int codebook = row % _config.Codebooks;
            for (int column = 0; column < _next; column++)
            {
                ids[(row * _next) + column] = pattern.IsPad(codebook, column) ? _config.PadTokenId
                    : column == 0 ? _config.StartTokenId
                    : _frames[row, _window.From + column - 1 - pattern.DelayOf(codebook)];
            }
        }

        return _sequence.Begin(ids, _next, cancellationToken);
    }

    private long Choose(DelayLayout pattern, ReadOnlySpan<float> logits, int row)
    {
        int codebook = row % _config.Codebooks;
        if (pattern.IsPad(codebook, _next))
        {
            return _config.PadTokenId;
        }

        int frame = _next - 1 - pattern.DelayOf(codebook);
        if (frame < _window.PromptFrames)
        {
            return _frames[row, _window.From + frame];
        }

        int vocabulary = _config.VocabularySize;
        ReadOnlySpan<float> conditional = logits.Slice(row * vocabulary, vocabulary);
        if (_guided)
        {
            ClassifierFreeGuidance.Apply(conditional, logits.Slice((_column.Length + row) * vocabulary, vocabulary), _guidanceScale, _scores);
        }
        else
        {
            conditional.CopyTo(_scores);
        }

        int code = _chooser.Choose(_scores, row / _config.Codebooks);
        _frames[row, _window.From + frame] = code;
        return code;
    }

    /// <summary>Where the delay pattern puts pads: codebook k of a channel is k steps late.</summary>
    private sealed class DelayLayout(int codebooks, int channels, int length)
    {
        private readonly int _perChannel = codebooks / channels;

        /// <summary>Sequences too short for the pattern have none.</summary>
        public bool Applies => length >= (2 * _perChannel) - 1;

        public int DelayOf(int codebook) => Applies ? codebook / channels : 0;

        public bool IsPad(int codebook, int column) =>
            Applies && (column <= DelayOf(codebook) || column >= length - (_perChannel - 1 - DelayOf(codebook)));
    }
}
