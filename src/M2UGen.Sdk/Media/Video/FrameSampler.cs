namespace M2UGen.Sdk.Media.Video;

/// <summary>Which frames of a film the encoder sees.</summary>
/// <remarks>
/// <code>
/// even       |·  x  ·|·  x  ·|·  x  ·|·  x  ·|     the middle of each of as many equal parts
/// reference  ·  ·  ·  x  x  x  x  ·  ·  ·  ·       as many in a row, from a random place; the last frame never
/// </code>
/// Source of the second rule: reference gradio_app.py, sample_frame_indices and read_video_pyav. Stateless and thread-safe.
/// </remarks>
internal static class FrameSampler
{
    /// <summary>Frames spread evenly over the whole film; shorter films show frames several times.</summary>
    /// <param name="frameCount">Frames of the film, at least 1.</param>
    /// <param name="count">Frames to choose, at least 1.</param>
    /// <returns>[count] frame numbers, never falling, each from 0 to frameCount - 1.</returns>
    public static int[] SpreadEvenly(int frameCount, int count)
    {
        Check(frameCount, count);
        int[] frames = new int[count];
        for (int i = 0; i < count; i++)
        {
            frames[i] = (int)(((2L * i) + 1) * frameCount / (2L * count));
        }

        return frames;
    }

    /// <summary>The reference's rule: a random end, and the frames before it.</summary>
    /// <remarks>
    /// Films with fewer frames than are chosen show one random frame again and again, as the reference's demo page has it (its other program fails).
    /// A film with exactly as many frames makes the reference fail; here it is shown whole.
    /// </remarks>
    /// <param name="frameCount">Frames of the film, at least 1. The reference takes the number in the container's header.</param>
    /// <param name="count">Frames to choose, at least 1.</param>
    /// <param name="seed">The seed of numpy's generator.</param>
    /// <returns>[count] frame numbers, each from 0 to frameCount - 1.</returns>
    public static int[] ReferenceWindow(int frameCount, int count, uint seed)
    {
        Check(frameCount, count);
        if (frameCount == count)
        {
            return ReferenceWindowBefore(frameCount, frameCount, count);
        }

        NumpyRandom random = new(seed);
        return ReferenceWindowBefore(random.NextInt32(frameCount > count ? count : 0, frameCount), frameCount, count);
    }

    /// <summary>The reference's rule for an end that is drawn already.</summary>
    /// <param name="end">The frame behind the chosen ones.</param>
    /// <param name="frameCount">Frames of the film.</param>
    /// <param name="count">Frames to choose.</param>
    public static int[] ReferenceWindowBefore(int end, int frameCount, int count)
    {
        Check(frameCount, count);
        ArgumentOutOfRangeException.ThrowIfNegative(end);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, frameCount);
        int[] frames = new int[count];
        if (frameCount < count)
        {
            // An end of 0 gives -1 there, which in Python is the last frame.
            Array.Fill(frames, end == 0 ? frameCount - 1 : end - 1);
            return frames;
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(end, count);
        for (int i = 0; i < count; i++)
        {
            frames[i] = end - count + i;
        }

        return frames;
    }

    private static void Check(int frameCount, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frameCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
    }
}
