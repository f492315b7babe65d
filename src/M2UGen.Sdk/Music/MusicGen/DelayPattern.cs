namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>
/// The delay pattern of one generation: codebook k starts k steps late, so that each step predicts one code of every codebook and later
/// codebooks see earlier ones of the same frame. Immutable and thread-safe; nothing but the methods that return arrays allocates.
/// </summary>
/// <remarks>
/// <code>
/// position   0 1 2 3 4 5 6 7        P pad, digits the frame that the position belongs to;
/// codebook 0 P 0 1 2 3 P P P        with a prompt of n frames the frames below n are given, the rest is free.
/// codebook 1 P P 0 1 2 3 P P        Stereo rows are interleaved left, right, and both have the same delay.
/// codebook 2 P P P 0 1 2 3 P        A length below 2 * (codebooks per channel) - 1 has no delay at all.
/// codebook 3 P P P P 0 1 2 3
/// </code>
/// Source: MusicGen (arXiv:2306.05284); transformers <c>MusicgenForCausalLM.build_delay_pattern_mask</c>, <c>apply_delay_pattern_mask</c>.
/// </remarks>
internal sealed class DelayPattern
{
    /// <summary>What stands for "predicted here" in a mask.</summary>
    public const long Free = -1;

    private readonly long[] _prompt;
    private readonly int _promptLength;

    /// <summary>Lays out a generation.</summary>
    /// <param name="codebooks">Rows of one clip: codebooks of all channels together.</param>
    /// <param name="channels">1 mono, 2 stereo (rows interleaved).</param>
    /// <param name="padTokenId">Id that fills the positions without a code.</param>
    /// <param name="prompt">[batch * codebooks, promptLength] int64, row-major, copied: the start id, then the prompt's frames without delay.</param>
    /// <param name="promptLength">1 + frames of the prompt.</param>
    /// <param name="maxLength">Positions in all: promptLength + new steps.</param>
    /// <exception cref="ArgumentException">The numbers do not fit each other.</exception>
    public DelayPattern(int codebooks, int channels, long padTokenId, ReadOnlySpan<long> prompt, int promptLength, int maxLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(codebooks);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfNegative(padTokenId);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(promptLength);
        if (codebooks % channels != 0)
        {
            throw new ArgumentException($"{codebooks} codebooks cannot be shared out evenly among {channels} channels.", nameof(codebooks));
        }

        if (prompt.IsEmpty || prompt.Length % ((long)codebooks * promptLength) != 0)
        {
            throw new ArgumentException(
                $"The prompt has {prompt.Length} ids; expected a multiple of {codebooks} codebooks x {promptLength} positions.", nameof(prompt));
        }

        if (prompt.ContainsAnyInRange(long.MinValue, -1))
        {
            throw new ArgumentException("The prompt holds a negative id.", nameof(prompt));
        }

        Codebooks = codebooks;
        Channels = channels;
        PadTokenId = padTokenId;
        Length = maxLength;
        MaxDelay = (codebooks / channels) - 1;
        IsDelayed = maxLength >= (2 * (MaxDelay + 1)) - 1;
        int needed = promptLength + (IsDelayed ? MaxDelay : 0);
        if (needed > maxLength)
        {
            throw new ArgumentException(
                $"A prompt of {promptLength - 1} frames needs {needed} positions with its delay, the generation has {maxLength}. "
                + $"Shorten the prompt or generate at least {needed - promptLength} new steps.",
                nameof(maxLength));
        }

        _prompt = prompt.ToArray();
        _promptLength = promptLength;
        Rows = _prompt.Length / promptLength;
        StartLength = promptLength;
    }

    /// <summary>Rows of one clip.</summary>
    public int Codebooks { get; }

    /// <summary>Channels that share the rows.</summary>
    public int Channels { get; }

    /// <summary>Id that fills the positions without a code.</summary>
    public long PadTokenId { get; }

    /// <summary>All rows: batch x codebooks.</summary>
    public int Rows { get; }

    /// <summary>Positions in all.</summary>
    public int Length { get; }

    /// <summary>Delay of the last codebook.</summary>
    public int MaxDelay { get; }

    /// <summary>False for lengths so short that the reference uses no pattern.</summary>
    public bool IsDelayed { get; }

    /// <summary>Positions that are there before the first step; the first step predicts this position.</summary>
    public int StartLength { get; }

    /// <summary>Frames that a finished generation has, those of the prompt included.</summary>
    public int FrameCount => Length - 1 - (IsDelayed ? MaxDelay : 0);

    /// <summary>Delay of a row in steps.</summary>
    public int DelayOf(int row) => IsDelayed ? row % Codebooks / Channels : 0;

    /// <summary>The id that must stand at a position, or <see cref="Free"/> where the model's prediction counts.</summary>
    /// <param name="row">0 to <see cref="Rows"/> - 1.</param>
    /// <param name="position">0 to <see cref="Length"/> - 1.</param>
    public long Forced(int row, int position)
    {
        if (!IsDelayed)
        {
            return Free;
        }

        int delay = DelayOf(row);
        if (position <= delay || position >= Length - (MaxDelay - delay))
        {
            return PadTokenId;
        }

        int undelayed = position - delay;
        return undelayed < _promptLength ? _prompt[(row * _promptLength) + undelayed] : Free;
    }

    /// <summary>The frame whose code a row holds at a position that is <see cref="Free"/> or a prompt's.</summary>
    public int FrameAt(int row, int position) => position - 1 - DelayOf(row);

    /// <summary>How many frames are complete in all codebooks once <paramref name="positions"/> positions are there.</summary>
    public int CompleteFrames(int positions) => Math.Clamp(positions - 1 - (IsDelayed ? MaxDelay : 0), 0, FrameCount);

    /// <summary>The whole pattern: [rows, length], <see cref="Free"/> where the model predicts.</summary>
    public long[] BuildMask()
    {
        long[] mask = new long[(long)Rows * Length];
        for (int i = 0; i < mask.Length; i++)
        {
            mask[i] = Forced(i / Length, i % Length);
        }

        return mask;
    }

    /// <summary>What generation starts from: [rows, start length].</summary>
    public long[] BuildStartIds()
    {
        long[] ids = [.. _prompt];
        if (IsDelayed)
        {
            for (int i = 0; i < ids.Length; i++)
            {
                // Never free: a row's delay only moves given positions to the right.
                ids[i] = Forced(i / _promptLength, i % _promptLength);
            }
        }

        return ids;
    }

    /// <summary>Puts what the pattern forces into the first <paramref name="columns"/> positions of all rows.</summary>
    /// <param name="ids">[rows, columns], changed in place.</param>
    /// <param name="columns">1 to <see cref="Length"/>.</param>
    public void Apply(Span<long> ids, int columns)
    {
        ThrowIfNotRows(ids.Length, columns);
        for (int i = 0; i < ids.Length; i++)
        {
            long forced = Forced(i / columns, i % columns);
            ids[i] = forced == Free ? ids[i] : forced;
        }
    }

    /// <summary>Takes the pads out of a finished generation: [rows, columns] to [rows, frames].</summary>
    /// <exception cref="ArgumentException">The rows do not hold equally many codes.</exception>
    public long[] Remove(ReadOnlySpan<long> ids, int columns)
    {
        ThrowIfNotRows(ids.Length, columns);
        int frames = -1;
        List<long> codes = new(ids.Length);
        for (int row = 0; row < Rows; row++)
        {
            int before = codes.Count;
            foreach (long id in ids.Slice(row * columns, columns))
            {
                if (id != PadTokenId)
                {
                    codes.Add(id);
                }
            }

            int found = codes.Count - before;
            if (frames >= 0 && found != frames)
            {
                throw new ArgumentException($"Row {row} holds {found} codes between its pads, the rows before it {frames}.", nameof(ids));
            }

            frames = found;
        }

        return [.. codes];
    }

    private void ThrowIfNotRows(int count, int columns)
    {
        if (columns < 1 || columns > Length || count != (long)Rows * columns)
        {
            throw new ArgumentException($"{count} ids are not {Rows} rows of {columns} positions (at most {Length}).", nameof(columns));
        }
    }
}
