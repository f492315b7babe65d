namespace M2UGen.Sdk.Media.Audio;

/// <summary>Between interleaved samples and planes.</summary>
internal static class ChannelMixer
{
    /// <summary>The mean over channels of [frames × channels]: [frames].</summary>
    public static float[] Mean(ReadOnlySpan<float> interleaved, int channels)
    {
        float[] mono = new float[interleaved.Length / channels];
        for (int i = 0; i < mono.Length; i++)
        {
            float sum = 0;
            foreach (float sample in interleaved.Slice(i * channels, channels))
            {
                sum += sample;
            }

            mono[i] = sum / channels;
        }

        return mono;
    }

    /// <summary>One channel of [frames × channels]: [frames].</summary>
    public static float[] Extract(ReadOnlySpan<float> interleaved, int channels, int channel)
    {
        float[] plane = new float[interleaved.Length / channels];
        for (int i = 0; i < plane.Length; i++)
        {
            plane[i] = interleaved[(i * channels) + channel];
        }

        return plane;
    }

    /// <summary>Planes of equal length to [frames × channels].</summary>
    /// <exception cref="ArgumentException">All planes together would not fit an array.</exception>
    public static float[] Interleave(ReadOnlySpan<float[]> planes)
    {
        long total = (long)planes[0].Length * planes.Length;
        if (total > Array.MaxLength)
        {
            throw new ArgumentException($"{planes.Length} channels of {planes[0].Length} samples do not fit one array; work on shorter pieces.", nameof(planes));
        }

        float[] interleaved = new float[total];
        for (int channel = 0; channel < planes.Length; channel++)
        {
            float[] plane = planes[channel];
            for (int i = 0; i < plane.Length; i++)
            {
                interleaved[(i * planes.Length) + channel] = plane[i];
            }
        }

        return interleaved;
    }
}
