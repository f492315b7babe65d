using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

/// <summary>Sound to codes in one call and in pieces, over an encoder whose codes depend on a frame and its two neighbours.</summary>
public sealed class EncodecEncoderTests : IDisposable
{
    private const int SamplesPerFrame = 2;

    private readonly ModelSet _models;
    private readonly EncodecEncoder _encoder;
    private int _longestCall;
    private int _calls;

    public EncodecEncoderTests()
    {
        _models = new ModelSet(component => new FakeOnnxModel(component, Run));
        _encoder = new EncodecEncoder(_models, new EncodecConfig(100, SamplesPerFrame, Codebooks: 2, CodebookSize: 64, 1, 1, 3, 3, 1, 1));
    }

    public void Dispose() => _models.Dispose();

    [Fact]
    public void Encode_LastFrameIncomplete_IsAFrame()
    {
        CodeFrames codes = _encoder.Encode([1, 2, 3], channels: 1, samples: 3, CancellationToken.None);

        Assert.Equal(2, codes.Count);
        Assert.Equal([6, 6], codes.Row(0, 0, 2).ToArray());
    }

    [Fact]
    public void Encode_LongSound_IsTheSameInPieces()
    {
        int frames = (2 * _encoder.MaxFramesPerCall) + 77;
        float[] audio = Audio(frames * SamplesPerFrame);

        CodeFrames codes = _encoder.Encode(audio, channels: 1, audio.Length, CancellationToken.None);

        Assert.True(_calls > 2);
        Assert.InRange(_longestCall, 1, _encoder.MaxFramesPerCall);
        for (int frame = 0; frame < frames; frame++)
        {
            Assert.Equal(Code(audio, frame, frames), codes[0, frame]);
        }
    }

    [Fact]
    public void Encode_Stereo_AlternatesLeftAndRightRows()
    {
        CodeFrames codes = _encoder.Encode([1, 1, 5, 5], channels: 2, samples: 2, CancellationToken.None);

        // Codebook 0 left, codebook 0 right, codebook 1 left, codebook 1 right.
        Assert.Equal([2, 10, 3, 11], codes.ToArray());
    }

    [Fact]
    public void Encode_NoWholePieces_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => _encoder.Encode(new float[5], channels: 1, samples: 2, CancellationToken.None));
        Assert.Throws<ArgumentException>(() => _encoder.Encode(new float[6], channels: 2, samples: 2, CancellationToken.None));
        Assert.Throws<ArgumentOutOfRangeException>(() => _encoder.Encode([], channels: 1, samples: 0, CancellationToken.None));
    }

    private static float[] Audio(int samples) => [.. Enumerable.Range(0, samples).Select(i => (float)((i * 7 % 13) + (i % 5)))];

    private static long Code(ReadOnlySpan<float> audio, int frame, int frames)
    {
        float sum = 0;
        int from = Math.Max(0, (frame - 1) * SamplesPerFrame);
        int to = Math.Min(audio.Length, Math.Min(frames, frame + 2) * SamplesPerFrame);
        foreach (float sample in audio[from..to])
        {
            sum += sample;
        }

        return (long)sum % 64;
    }

    private void Run(FakeModelRun run, CancellationToken cancellationToken)
    {
        NativeTensor audio = run.Input("audio");
        int planes = (int)audio.Shape[0];
        int samples = (int)audio.Shape[2];
        int frames = (samples + SamplesPerFrame - 1) / SamplesPerFrame;
        _longestCall = Math.Max(_longestCall, frames);
        _calls++;
        NativeTensor codes = NativeTensor.Allocate<long>(planes, 2, frames);
        for (int plane = 0; plane < planes; plane++)
        {
            ReadOnlySpan<float> own = audio.AsSpan<float>().Slice(plane * samples, samples);
            for (int frame = 0; frame < frames; frame++)
            {
                long code = Code(own, frame, frames);
                codes.AsSpan<long>()[(plane * 2 * frames) + frame] = code;
                codes.AsSpan<long>()[(((plane * 2) + 1) * frames) + frame] = (code + 1) % 64;
            }
        }

        run.Allocate("codes", codes);
    }
}
