namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The token loop of MusicGen (arXiv:2306.05284): one code of every codebook a step, laid out by the delay pattern, until a pass is done.</summary>
/// <remarks>
/// A step feeds one column of codes and chooses the next. Tracks begin a pass together, behind equally many known frames, and may end at different columns: a track that has ended is fed pads,
/// which nobody looks at. Everything is allocated by the constructor and by <see cref="Begin"/>; a step allocates nothing. Not thread-safe.
/// </remarks>
internal sealed class CodebookGenerator
{
    private readonly MusicGenSequence _sequence;
    private readonly MusicGenConfig _config;
    private readonly CodebookTrack[] _tracks;
    private readonly bool _guided;
    private readonly long[] _column;
    private int _start;
    private int _next;
    private int _length;

    /// <summary>One track.</summary>
    /// <inheritdoc cref="CodebookTrack(MusicGenConfig, CodeFrames, CodeChooser, double)"/>
    /// <param name="sequence">The decoder, with rows for guidance where the scale is above 1.</param>
    /// <param name="config">The model's numbers.</param>
    /// <param name="frames">Where codes go, [pieces × codebooks, frames]; holds the prompt's codes already.</param>
    /// <param name="chooser">Greedy, or at random.</param>
    /// <param name="guidanceScale">How far the unconditional half is left behind; 1 or less uses the conditional rows alone.</param>
    public CodebookGenerator(MusicGenSequence sequence, MusicGenConfig config, CodeFrames frames, CodeChooser chooser, double guidanceScale)
        : this(sequence, config, new CodebookTrack(config, frames, chooser, guidanceScale))
    {
    }

    /// <param name="sequence">The decoder, with a row for each piece, and rows for guidance where the tracks have it.</param>
    /// <param name="config">The model's numbers.</param>
    /// <param name="tracks">In the order of the sequence's rows; guided all of them, or none.</param>
    public CodebookGenerator(MusicGenSequence sequence, MusicGenConfig config, params CodebookTrack[] tracks)
    {
        _sequence = sequence;
        _config = config;
        _tracks = tracks;
        _guided = tracks[0].IsGuided;
        int pieces = tracks.Sum(track => track.Pieces);
        if (sequence.Rows != (_guided ? 2 : 1) * pieces)
        {
            throw new ArgumentException($"{pieces} pieces need a sequence of {(_guided ? 2 : 1) * pieces} rows; it has {sequence.Rows}.", nameof(sequence));
        }

        if (tracks.Any(track => track.IsGuided != _guided))
        {
            throw new ArgumentException("Some tracks are guided and others are not; they cannot be rows of one sequence.", nameof(tracks));
        }

        _column = new long[pieces * config.Codebooks];
    }

    /// <summary>Only scales above 1 need unconditional rows, as in the reference's generate().</summary>
    public static bool IsGuided(double guidanceScale) => guidanceScale > 1;

    /// <summary>Prepares a pass.</summary>
    /// <param name="windows">Of each track, with equally many known frames; null for a track that has none left. At least one is not null.</param>
    public void Begin(params ReadOnlySpan<MusicGenWindow?> windows)
    {
        _start = 0;
        _length = 0;
        for (int i = 0; i < _tracks.Length; i++)
        {
            if (windows[i] is not { } window)
            {
                _tracks[i].Rest();
                continue;
            }

            if (_start > 0 && _start != 1 + window.PromptFrames)
            {
                throw new ArgumentException($"Pieces behind {_start - 1} and {window.PromptFrames} known frames cannot begin a pass together.", nameof(windows));
            }

            _start = 1 + window.PromptFrames;
            _tracks[i].Begin(window);
            _length = Math.Max(_length, _tracks[i].Length);
        }

        _next = _start;
    }

    /// <summary>Takes one step.</summary>
    /// <returns>False when the pass was done already.</returns>
    public bool Step(CancellationToken cancellationToken)
    {
        if (_next >= _length)
        {
            return false;
        }

        ReadOnlySpan<float> logits = _next == _start
            ? _sequence.Begin(StartIds(), _next, cancellationToken)
            : _sequence.Step(_column, cancellationToken);
        int row = 0;
        foreach (CodebookTrack track in _tracks)
        {
            int rows = track.Frames.Rows;
            track.Choose(_next, Rows(logits, row, rows), _guided ? Rows(logits, _column.Length + row, rows) : default, _column.AsSpan(row, rows));
            row += rows;
        }

        _next++;
        return true;
    }

    private ReadOnlySpan<float> Rows(ReadOnlySpan<float> logits, int row, int count) => logits.Slice(row * _config.VocabularySize, count * _config.VocabularySize);

    private long[] StartIds()
    {
        long[] ids = new long[_column.Length * _start];
        int done = 0;
        foreach (CodebookTrack track in _tracks)
        {
            int count = track.Frames.Rows * _start;
            track.CopyStartTo(ids.AsSpan(done, count));
            done += count;
        }

        return ids;
    }
}
