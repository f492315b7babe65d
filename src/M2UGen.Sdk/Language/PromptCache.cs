namespace M2UGen.Sdk.Language;

/// <summary>Keeps the readers of the latest prompts, so that the next prompt that begins alike is not read from its beginning.</summary>
/// <remarks>
/// <para>Thread-safe. A reader that was taken is the taker's alone until it is given back or disposed; nothing is copied.</para>
/// <para>Clear it before the graph is freed that the readers are bound to, and when no request holds one.</para>
/// </remarks>
/// <param name="capacity">Readers that are kept while nobody uses them; 0 keeps none.</param>
internal sealed class PromptCache(int capacity) : IDisposable
{
    private readonly Lock _gate = new();

    // The one that was used longest ago stands first.
    private readonly List<PromptReader> _readers = [];
    private bool _disposed;

    /// <summary>Keeps nothing.</summary>
    public static PromptCache None { get; } = new(0);

    /// <summary>Readers that are kept while nobody uses them.</summary>
    public int Capacity => capacity;

    /// <summary>Readers that are kept now.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _readers.Count;
            }
        }
    }

    /// <summary>Takes the reader that has most of a prompt in its cache; null where a new one should be made.</summary>
    /// <inheritdoc cref="PromptReader.Shared"/>
    public PromptReader? Take(ReadOnlySpan<int> prompt, ReadOnlySpan<int> ends, ReadOnlySpan<float> prefix)
    {
        lock (_gate)
        {
            int best = 0;
            int shared = 0;
            for (int i = 0; i < _readers.Count; i++)
            {
                if (_readers[i].Shared(prompt, ends, prefix) is int tokens && tokens > shared)
                {
                    (best, shared) = (i, tokens);
                }
            }

            // Where another one fits, a long conversation is not thrown away for the template that it begins with. Where none fits, the oldest one's memory is used again.
            bool isFull = _readers.Count >= capacity;
            if (_readers.Count == 0 || (!isFull && _readers[best].Length > 2 * shared))
            {
                return null;
            }

            PromptReader reader = _readers[best];
            _readers.RemoveAt(best);
            return reader;
        }
    }

    /// <summary>Gives a reader back, or a new one in: it is kept as the latest, and the oldest goes where there are too many.</summary>
    public void Give(PromptReader reader)
    {
        PromptReader? surplus = null;
        lock (_gate)
        {
            if (_disposed)
            {
                surplus = reader;
            }
            else
            {
                _readers.Add(reader);
                if (_readers.Count > capacity)
                {
                    surplus = _readers[0];
                    _readers.RemoveAt(0);
                }
            }
        }

        surplus?.Dispose();
    }

    /// <summary>Frees the readers that nobody uses.</summary>
    public void Clear()
    {
        PromptReader[] readers;
        lock (_gate)
        {
            readers = [.. _readers];
            _readers.Clear();
        }

        foreach (PromptReader reader in readers)
        {
            reader.Dispose();
        }
    }

    /// <summary>Clears; readers that are given back from now on are freed at once.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
        }

        Clear();
    }
}
