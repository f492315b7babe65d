using System.Numerics.Tensors;
using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Sdk.Encoders.Mert;

/// <summary>Reads a clip window by window as MERT wants it: every channel at MERT's rate, then the mean of the channels.</summary>
/// <remarks>The same samples as resampling the whole clip at once, without ever holding it. Not thread-safe. Source: reference inference.py and gradio_app.py, load_audio.</remarks>
internal sealed class WindowReader
{
    private readonly AudioClip _clip;
    private readonly Resampler _resampler;
    private float[] _plane = [];
    private float[] _resampled = [];

    /// <summary>Prepares the filter.</summary>
    /// <param name="clip">The sound.</param>
    /// <param name="sampleRate">MERT's rate, in Hz.</param>
    public WindowReader(AudioClip clip, int sampleRate)
    {
        _clip = clip;
        _resampler = new Resampler(clip.SampleRate, sampleRate, new ResampleOptions());
        Length = _resampler.OutputLength(clip.SampleCount);
    }

    /// <summary>Samples of the whole clip at MERT's rate.</summary>
    public long Length { get; }

    /// <summary>Fills <paramref name="window"/> with the samples from <paramref name="start"/> on.</summary>
    public void Read(long start, Span<float> window)
    {
        (long from, long to) = _resampler.Reach(start, window.Length);
        from = Math.Clamp(from, 0, _clip.SampleCount);
        int count = (int)(Math.Clamp(to, from, _clip.SampleCount) - from);
        ReadOnlySpan<float> frames = _clip.Samples.Span.Slice((int)from * _clip.Channels, count * _clip.Channels);
        if (_clip.Channels == 1)
        {
            _resampler.Resample(frames, from, start, window);
            return;
        }

        EnsureSize(ref _plane, count);
        EnsureSize(ref _resampled, window.Length);
        Span<float> plane = _plane.AsSpan(0, count);
        Span<float> resampled = _resampled.AsSpan(0, window.Length);
        window.Clear();
        for (int channel = 0; channel < _clip.Channels; channel++)
        {
            for (int i = 0; i < plane.Length; i++)
            {
                plane[i] = frames[(i * _clip.Channels) + channel];
            }

            _resampler.Resample(plane, from, start, resampled);
            TensorPrimitives.Add(window, resampled, window);
        }

        TensorPrimitives.Divide(window, (float)_clip.Channels, window);
    }

    private static void EnsureSize(ref float[] buffer, int count)
    {
        if (buffer.Length < count)
        {
            buffer = new float[count];
        }
    }
}
