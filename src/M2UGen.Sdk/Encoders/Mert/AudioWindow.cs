namespace M2UGen.Sdk.Encoders.Mert;

/// <summary>A window of the sound that MERT hears at once.</summary>
/// <param name="Start">Its first sample, at MERT's rate.</param>
/// <param name="Length">Its samples.</param>
/// <param name="Share">Its part of the mean over all windows.</param>
internal readonly record struct AudioWindow(long Start, int Length, double Share)
{
    /// <summary>The reference's window. MERT's first norm runs over a window's whole time, so another length gives another feature.</summary>
    public const int Seconds = 60;

    /// <summary>The whole sound in windows of a minute, each counting for as long as it lasts. What is left below a second joins the window before it.</summary>
    /// <remarks>A window's group norm and mean say little where it has a few frames only; by its length it would count for little as well.</remarks>
    /// <param name="samples">Samples of the sound.</param>
    /// <param name="sampleRate">In Hz.</param>
    public static AudioWindow[] Cover(long samples, int sampleRate)
    {
        int window = Seconds * sampleRate;
        long count = samples < window ? 1 : (samples / window) + (samples % window >= sampleRate ? 1 : 0);
        AudioWindow[] windows = new AudioWindow[count];
        for (long i = 0; i < count; i++)
        {
            long start = i * window;
            int length = (int)(i == count - 1 ? samples - start : window);
            windows[i] = new AudioWindow(start, length, (double)length / samples);
        }

        return windows;
    }

    /// <summary>The reference's windows: its loop counts in minutes, goes on by 60 of them, and takes that number for seconds. Under an hour it hears the first minute only.</summary>
    /// <remarks>Reference m2ugen.py, encode_audio: <c>for ix in range(0, samples // (rate * 60) + 1, 60)</c> over <c>x[ix * rate : min((ix + 60) * rate, samples)]</c>.</remarks>
    /// <param name="samples">Samples of the sound.</param>
    /// <param name="sampleRate">In Hz.</param>
    public static AudioWindow[] CoverAsReference(long samples, int sampleRate)
    {
        int window = Seconds * sampleRate;
        long count = (samples / window / Seconds) + 1;
        AudioWindow[] windows = new AudioWindow[count];
        for (long i = 0; i < count; i++)
        {
            windows[i] = new AudioWindow(i * window, (int)Math.Min(window, samples - (i * window)), 1.0 / count);
        }

        return windows;
    }
}
