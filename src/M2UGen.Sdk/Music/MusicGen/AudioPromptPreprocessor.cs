using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Sound to go on from, as the codec's encoder takes it.</summary>
/// <param name="Values">[pieces, channels, samples] at the model's rate.</param>
/// <param name="Mask">[pieces, samples]: 0 where a shorter prompt was padded.</param>
/// <param name="SampleCount">Samples a channel, of the longest prompt.</param>
/// <param name="Padding">Samples by which each piece was padded on the left.</param>
internal sealed record AudioPrompts(float[] Values, long[] Mask, int SampleCount, int[] Padding);

/// <summary>Brings audio prompts to the model's rate, channels and a common length: transformers' EncodecFeatureExtractor with padding on the left.</summary>
internal sealed class AudioPromptPreprocessor(MusicGenConfig config)
{
    /// <summary>One prompt of any rate and number of channels: resampled, then for mono models the mean of its channels, for stereo models its two channels
    /// (the mean of all on both sides where it does not have two).</summary>
    /// <returns>[channels][samples], each of <see cref="SampleCountOf"/>.</returns>
    /// <exception cref="ArgumentException">The prompt is empty or holds a sample that is not a finite number.</exception>
    public float[][] Prepare(AudioClip prompt)
    {
        Check(prompt);
        AudioClip clip = prompt.Resample(config.Codec.SampleRate);
        if (config.Channels == 2 && clip.Channels == 2)
        {
            return [ChannelMixer.Extract(clip.Samples.Span, 2, 0), ChannelMixer.Extract(clip.Samples.Span, 2, 1)];
        }

        float[] mono = clip.ToMono().Samples.ToArray();
        return [.. Enumerable.Repeat(mono, config.Channels)];
    }

    /// <summary>Samples a channel that a prompt has at the model's rate; nothing is resampled for it.</summary>
    /// <exception cref="ArgumentException">They are more than one array holds.</exception>
    public int SampleCountOf(AudioClip prompt)
    {
        long count = Resampler.OutputLength(prompt.SampleRate, config.Codec.SampleRate, prompt.SampleCount);
        return count <= Array.MaxLength ? (int)count : throw new ArgumentException($"The audio prompt has {count} samples at the model's rate, more than one array holds. Shorten it.", nameof(prompt));
    }

    /// <exception cref="ArgumentException">The prompt is empty or holds a sample that is not a finite number.</exception>
    public static void Check(AudioClip prompt)
    {
        foreach (float sample in prompt.Samples.Span)
        {
            if (!float.IsFinite(sample))
            {
                throw new ArgumentException("The audio prompt holds a sample that is not a finite number.", nameof(prompt));
            }
        }

        if (prompt.SampleCount == 0)
        {
            throw new ArgumentException("The audio prompt is empty. Give it at least one sample, or leave it out.", nameof(prompt));
        }
    }

    /// <summary>Makes one batch: shorter prompts get zeros on the left, which are encoded like any other sound.</summary>
    /// <param name="prompts">[pieces][channels][samples].</param>
    public AudioPrompts Pad(IReadOnlyList<float[][]> prompts)
    {
        int longest = prompts.Max(prompt => prompt[0].Length);
        float[] values = new float[prompts.Count * config.Channels * longest];
        long[] mask = new long[prompts.Count * longest];
        int[] padding = new int[prompts.Count];
        for (int piece = 0; piece < prompts.Count; piece++)
        {
            padding[piece] = longest - prompts[piece][0].Length;
            mask.AsSpan((piece * longest) + padding[piece], longest - padding[piece]).Fill(1);
            for (int channel = 0; channel < config.Channels; channel++)
            {
                prompts[piece][channel].CopyTo(values.AsSpan((((piece * config.Channels) + channel) * longest) + padding[piece]));
            }
        }

        return new AudioPrompts(values, mask, longest, padding);
    }
}
