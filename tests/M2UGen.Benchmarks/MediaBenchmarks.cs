using BenchmarkDotNet.Attributes;
using M2UGen.Sdk;
using M2UGen.Sdk.Media.Audio;
using M2UGen.Sdk.Media.Image;

namespace M2UGen.Benchmarks;

/// <summary>Resampling of ten seconds of sound, and resizing of a picture to what ViT sees.</summary>
public class MediaBenchmarks
{
    private const int Width = 1920;
    private const int Height = 1080;

    private readonly float[] _compactDisc = Numbers.Gaussian(441_000, 0.1f, seed: 1);
    private readonly float[] _studio = Numbers.Gaussian(480_000, 0.1f, seed: 2);
    private readonly byte[] _picture = Numbers.Bytes(Width * Height * 3, seed: 3);
    private readonly Resampler _from44100 = new(44100, 24000, new ResampleOptions());
    private readonly Resampler _from48000 = new(48000, 16000, new ResampleOptions());

    [Benchmark]
    public float[] Resample10SecondsFrom44100To24000() => _from44100.Resample(_compactDisc);

    [Benchmark]
    public float[] Resample10SecondsFrom48000To16000() => _from48000.Resample(_studio);

    [Benchmark]
    public byte[] Resize1920x1080To224x224() => Resizer.Resize(_picture, Width, Height, 3, 224, 224);
}
