namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>What the decoder shall listen to, before its own projection: states of the text encoder, a projector's embedding, or both after one another.</summary>
/// <param name="States">[batch, length, width] float32.</param>
/// <param name="Mask">[batch, length]: 1 where the decoder looks, 0 where it must not.</param>
/// <param name="Batch">Pieces of music.</param>
/// <param name="Length">Positions.</param>
/// <param name="Width">Width of the text encoder.</param>
internal sealed record ConditioningRows(float[] States, long[] Mask, int Batch, int Length, int Width)
{
    /// <summary>The embedding of one piece, [positions, width].</summary>
    /// <param name="embedding">The projector's output divided by 10.</param>
    /// <param name="width">Width of the text encoder.</param>
    /// <param name="visible">Positions that may be looked at, from the first on.</param>
    /// <exception cref="ArgumentException">The embedding is no whole number of positions, or holds a value that is not finite.</exception>
    public static ConditioningRows FromEmbedding(ReadOnlySpan<float> embedding, int width, int visible = int.MaxValue)
    {
        if (embedding.IsEmpty || embedding.Length % width != 0)
        {
            throw new ArgumentException($"The embedding has {embedding.Length} values; expected a whole number of positions of width {width}, the text encoder's. Use the projector that was trained with this decoder.", nameof(embedding));
        }

        foreach (float value in embedding)
        {
            if (!float.IsFinite(value))
            {
                throw new ArgumentException("The embedding holds a value that is not a finite number.", nameof(embedding));
            }
        }

        int length = embedding.Length / width;
        long[] mask = new long[length];
        mask.AsSpan(0, Math.Min(visible, length)).Fill(1);
        return new ConditioningRows(embedding.ToArray(), mask, 1, length, width);
    }

    /// <summary>Several pieces as one batch. Shorter ones are filled up with positions that must not be looked at.</summary>
    /// <param name="pieces">At least one.</param>
    public static ConditioningRows Stack(IReadOnlyList<ConditioningRows> pieces)
    {
        if (pieces.Count == 1)
        {
            return pieces[0];
        }

        int width = pieces[0].Width;
        int length = pieces.Max(piece => piece.Length);
        int batch = pieces.Sum(piece => piece.Batch);
        float[] states = new float[checked(batch * length * width)];
        long[] mask = new long[batch * length];
        int row = 0;
        foreach (ConditioningRows piece in pieces)
        {
            if (piece.Width != width)
            {
                throw new ArgumentException($"Rows of width {piece.Width} cannot stand beside rows of width {width}.", nameof(pieces));
            }

            for (int own = 0; own < piece.Batch; own++, row++)
            {
                piece.States.AsSpan(own * piece.Length * width, piece.Length * width).CopyTo(states.AsSpan(row * length * width));
                piece.Mask.AsSpan(own * piece.Length, piece.Length).CopyTo(mask.AsSpan(row * length));
            }
        }

        return new ConditioningRows(states, mask, batch, length, width);
    }

    /// <summary>These positions, then those of <paramref name="other"/>: attention spreads over both.</summary>
    public ConditioningRows Then(ConditioningRows other)
    {
        if (other.Batch != Batch || other.Width != Width)
        {
            throw new ArgumentException($"Rows [{other.Batch}, {other.Length}, {other.Width}] do not continue rows [{Batch}, {Length}, {Width}].", nameof(other));
        }

        int length = Length + other.Length;
        float[] states = new float[Batch * length * Width];
        long[] mask = new long[Batch * length];
        for (int row = 0; row < Batch; row++)
        {
            Span<float> target = states.AsSpan(row * length * Width);
            States.AsSpan(row * Length * Width, Length * Width).CopyTo(target);
            other.States.AsSpan(row * other.Length * Width, other.Length * Width).CopyTo(target[(Length * Width)..]);
            Mask.AsSpan(row * Length, Length).CopyTo(mask.AsSpan(row * length));
            other.Mask.AsSpan(row * other.Length, other.Length).CopyTo(mask.AsSpan((row * length) + Length));
        }

        return new ConditioningRows(states, mask, Batch, length, Width);
    }
}
