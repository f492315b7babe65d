using System.Runtime.InteropServices;

namespace M2UGen.Sdk.Language;

/// <summary>A decoder that knows which prompt its cache begins with, and goes on from there when the next prompt begins alike.</summary>
/// <remarks>
/// Only whole calls count: rows that a call over the same tokens, behind the same tokens, in the same pieces has written are, bit for bit, those that it would write again.
/// Rows of tokens that were chosen one by one are not, and are never used again. Not thread-safe.
/// </remarks>
internal sealed class PromptReader : IDisposable
{
    private readonly List<int> _ids = [];
    private readonly List<int> _ends = [];
    private float[] _prefix;

    /// <param name="decoder">A decoder that has read nothing; this reader's from now on.</param>
    /// <param name="prefix">[prefix layers, dim] that the decoder was made with.</param>
    public PromptReader(LlamaDecoder decoder, ReadOnlySpan<float> prefix)
    {
        Decoder = decoder;
        _prefix = prefix.ToArray();
    }

    /// <summary>The decoder, behind the prompt that was read last.</summary>
    public LlamaDecoder Decoder { get; }

    /// <summary>Tokens that a prompt could have in common with this reader's.</summary>
    public int Length => _ends.Count == 0 ? 0 : _ends[^1];

    /// <summary>Tokens of a prompt that need not be read again. The last call's always are: the answer begins with what comes out of it.</summary>
    /// <param name="prompt">The tokens.</param>
    /// <param name="ends">Where the calls end that read them; see <see cref="PrefillPlan"/>.</param>
    /// <param name="prefix">[prefix layers, dim] float.</param>
    public int Shared(ReadOnlySpan<int> prompt, ReadOnlySpan<int> ends, ReadOnlySpan<float> prefix) =>
        SharedCalls(prompt, ends, prefix) is > 0 and int calls ? ends[calls - 1] : 0;

    /// <summary>Reads a prompt; afterwards the decoder stands behind it.</summary>
    /// <inheritdoc cref="Shared"/>
    /// <param name="prompt">The tokens.</param>
    /// <param name="ends">Where the calls end that read them.</param>
    /// <param name="prefix">[prefix layers, dim] float.</param>
    /// <param name="cancellationToken">Looked at between and inside the calls. A reader that was stopped may be used again.</param>
    /// <returns>Tokens that were there already.</returns>
    public int Read(ReadOnlySpan<int> prompt, ReadOnlySpan<int> ends, ReadOnlySpan<float> prefix, CancellationToken cancellationToken)
    {
        int calls = SharedCalls(prompt, ends, prefix);
        int reused = calls == 0 ? 0 : ends[calls - 1];
        _ends.RemoveRange(calls, _ends.Count - calls);
        _ids.RemoveRange(reused, _ids.Count - reused);
        if (IsPrefix(prefix))
        {
            Decoder.Truncate(reused);
        }
        else
        {
            _prefix = prefix.ToArray();
            Decoder.Restart(prefix);
        }

        int start = reused;
        foreach (int end in ends[calls..])
        {
            ReadOnlySpan<int> chunk = prompt[start..end];
            Decoder.Prefill(chunk, chunk.Length, cancellationToken);
            _ids.AddRange(chunk);
            _ends.Add(end);
            start = end;
        }

        return reused;
    }

    public void Dispose() => Decoder.Dispose();

    private int SharedCalls(ReadOnlySpan<int> prompt, ReadOnlySpan<int> ends, ReadOnlySpan<float> prefix)
    {
        int calls = ends[..^1].CommonPrefixLength(CollectionsMarshal.AsSpan(_ends));
        if (calls == 0 || !IsPrefix(prefix))
        {
            return 0;
        }

        int tokens = prompt.CommonPrefixLength(CollectionsMarshal.AsSpan(_ids));
        while (calls > 0 && ends[calls - 1] > tokens)
        {
            calls--;
        }

        return calls;
    }

    // By their bits: zero and minus zero are equal as numbers.
    private bool IsPrefix(ReadOnlySpan<float> prefix) => MemoryMarshal.AsBytes(prefix).SequenceEqual(MemoryMarshal.AsBytes<float>(_prefix));
}
