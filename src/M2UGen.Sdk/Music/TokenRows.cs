namespace M2UGen.Sdk.Music;

/// <summary>A text's token ids as a text encoder's graph takes them.</summary>
internal static class TokenRows
{
    /// <summary>Ids and mask, both [<paramref name="length"/>], padded on the right.</summary>
    /// <param name="ids">The text's own ids.</param>
    /// <param name="length">At least as many as there are ids.</param>
    /// <param name="padId">Fills the rest.</param>
    /// <param name="vocabularySize">Ids that the text encoder has embeddings for.</param>
    /// <param name="component">The text encoder, for messages.</param>
    /// <param name="text">The text, for messages.</param>
    /// <exception cref="InferenceException">The tokenizer knows an id that the text encoder has no embedding for.</exception>
    public static (long[] Ids, long[] Mask) Create(ReadOnlySpan<int> ids, int length, int padId, int vocabularySize, string component, string text)
    {
        long[] row = new long[length];
        long[] mask = new long[length];
        row.AsSpan().Fill(padId);
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] >= vocabularySize)
            {
                throw new InferenceException(component, $"The tokenizer gave the id {ids[i]} for a part of the caption \"{text}\"; the text encoder has {vocabularySize} ids. The bundle's tokenizer and text encoder are not of one model: export it again from one directory.");
            }

            row[i] = ids[i];
            mask[i] = 1;
        }

        return (row, mask);
    }
}
