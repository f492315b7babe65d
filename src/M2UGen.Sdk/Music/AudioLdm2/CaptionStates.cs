namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>What the UNet attends to for one caption or embedding. Plain data.</summary>
/// <param name="Generated">[vectors, width]: GPT-2's embeddings.</param>
/// <param name="Vectors">How many.</param>
/// <param name="Prompt">[length, width]: T5's states.</param>
/// <param name="Mask">[length]: 1 for states that are seen, 0 for padding.</param>
internal sealed record CaptionStates(ReadOnlyMemory<float> Generated, int Vectors, ReadOnlyMemory<float> Prompt, ReadOnlyMemory<long> Mask)
{
    /// <summary>T5 positions, padding included.</summary>
    public int Length => Mask.Length;

    /// <summary>This followed by <paramref name="other"/>: attention spreads over both.</summary>
    public CaptionStates Then(CaptionStates other) => new(
        (float[])[.. Generated.Span, .. other.Generated.Span],
        Vectors + other.Vectors,
        (float[])[.. Prompt.Span, .. other.Prompt.Span],
        (long[])[.. Mask.Span, .. other.Mask.Span]);

    /// <summary>The rows of a UNet's condition, brought to one size: T5's states by hidden padding, GPT-2's vectors, which have no mask, by repeating them all, which changes no attention.</summary>
    /// <exception cref="ArgumentException">The numbers of vectors are no multiples of each other.</exception>
    public static UNetCondition Stack(params ReadOnlySpan<CaptionStates> rows)
    {
        int length = 0;
        int vectors = 0;
        foreach (CaptionStates row in rows)
        {
            length = Math.Max(length, row.Length);
            vectors = Math.Max(vectors, row.Vectors);
        }

        int width = rows[0].Prompt.Length / rows[0].Length;
        int generatedWidth = rows[0].Generated.Length / rows[0].Vectors;
        float[] prompt = new float[rows.Length * length * width];
        long[] mask = new long[rows.Length * length];
        float[] generated = new float[rows.Length * vectors * generatedWidth];
        for (int i = 0; i < rows.Length; i++)
        {
            CaptionStates row = rows[i];
            if (vectors % row.Vectors != 0)
            {
                throw new ArgumentException($"{row.Vectors} vectors cannot stand beside {vectors}.", nameof(rows));
            }

            row.Prompt.Span.CopyTo(prompt.AsSpan(i * length * width));
            row.Mask.Span.CopyTo(mask.AsSpan(i * length));
            for (int k = 0; k < vectors / row.Vectors; k++)
            {
                row.Generated.Span.CopyTo(generated.AsSpan(((i * vectors) + (k * row.Vectors)) * generatedWidth));
            }
        }

        return new UNetCondition(generated, prompt, mask, rows.Length);
    }
}

/// <summary>Captions to what the UNet attends to. Thread-safe.</summary>
internal interface ICaptionEncoder
{
    /// <summary>The components it runs, which can be freed once all captions of a request are encoded.</summary>
    IReadOnlyList<string> Components { get; }

    /// <summary>Width of T5's states.</summary>
    int PromptWidth { get; }

    /// <summary>Width of GPT-2's vectors.</summary>
    int GeneratedWidth { get; }

    /// <summary>GPT-2's vectors of one caption.</summary>
    int Vectors { get; }

    /// <summary>T5 tokens of a caption at most, and what the release pads captions to.</summary>
    int MaxTokens { get; }

    /// <summary>T5 tokens of a caption, its end token included.</summary>
    int CountTokens(string caption);

    /// <summary>Encodes a caption.</summary>
    /// <param name="caption">Any text, the empty one too; cut at the tokenizers' limits.</param>
    /// <param name="paddedLength">T5 positions that GPT-2 counts, padding included; the caption's own are the least. Padding itself need not be there.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    CaptionStates Encode(string caption, int paddedLength, CancellationToken cancellationToken);
}

/// <summary>How well sounds and a caption agree. Thread-safe.</summary>
internal interface IWaveformScorer
{
    /// <summary>The components it runs.</summary>
    IReadOnlyList<string> Components { get; }

    /// <summary>The cosine between each sound's embedding and the caption's.</summary>
    /// <param name="caption">The caption; cut at the tokenizer's limit.</param>
    /// <param name="waveforms">Mono, all of <paramref name="sampleRate"/>.</param>
    /// <param name="sampleRate">In Hz.</param>
    /// <param name="seed">Decides which 10 s of longer sounds are heard.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    double[] Score(string caption, IReadOnlyList<float[]> waveforms, int sampleRate, ulong seed, CancellationToken cancellationToken);
}
