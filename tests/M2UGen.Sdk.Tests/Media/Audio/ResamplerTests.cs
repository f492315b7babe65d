using System.Text.Json;
using M2UGen.Sdk.Media.Audio;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Media.Audio;

public sealed class ResamplerTests
{
    private const double BitFaithful = 3e-6;
    private static readonly string Folder = Repository.Golden("media-resample");
    private static readonly JsonElement Case = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "case.json"))).RootElement;
    private static readonly GoldenTensors Inputs = new(Path.Combine(Folder, "inputs.safetensors"));
    private static readonly GoldenTensors Expected = new(Path.Combine(Folder, "expected.safetensors"));

    public static TheoryData<int, int> Rates
    {
        get
        {
            TheoryData<int, int> rates = [];
            foreach (JsonElement row in Case.GetProperty("lengths").EnumerateArray())
            {
                rates.Add(row.GetProperty("from").GetInt32(), row.GetProperty("to").GetInt32());
            }

            return rates;
        }
    }

    [Theory]
    [MemberData(nameof(Rates))]
    public void Resample_StereoThenMono_EqualsTheReference(int from, int to)
    {
        AudioClip resampled = Stereo($"x_{from}", from).Resample(to);
        Near.Equal(Expected.Float($"mono_{from}_{to}"), resampled.ToMono().Samples.Span, BitFaithful, $"{from} to {to}");
        if (Expected.Has($"y_{from}_{to}"))
        {
            Near.Equal(Expected.Float($"y_{from}_{to}"), Planes(resampled), BitFaithful, $"{from} to {to}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(146)]
    [InlineData(147)]
    [InlineData(148)]
    [InlineData(441)]
    public void Resample_ShorterThanTheFilter_EqualsTheReference(int count)
    {
        AudioClip whole = Stereo("x_44100", 44100);
        AudioClip part = AudioClip.FromSamples(whole.Samples.Span.Slice(2 * 900, 2 * count), 44100, 2);
        Near.Equal(Expected.Float($"short_{count}"), Planes(part.Resample(24000)), BitFaithful);
    }

    [Fact]
    public void Kernel_Float32_EqualsTheReference()
    {
        float[] expected = Expected.Float("kernel_44100_24000_float32");
        int[] shape = Expected.Shape("kernel_44100_24000_float32");
        int width = (shape[1] - 147) / 2;
        SincKernel kernel = new(147, 80, new ResampleOptions());
        float[] row = new float[kernel.Taps];
        for (int phase = 0; phase < shape[0]; phase++)
        {
            kernel.Fill(phase, row);
            float[] full = new float[shape[1]];
            for (int tap = 0; tap < row.Length; tap++)
            {
                int at = kernel.Start(phase) + tap + width;
                if (at >= 0 && at < full.Length)
                {
                    full[at] = row[tap];
                }
                else
                {
                    Assert.Equal(0f, row[tap]);
                }
            }

            Near.Equal(expected.AsSpan(phase * shape[1], shape[1]), full, 5e-7, $"phase {phase}");
        }
    }

    [Fact]
    public void OutputLength_LongInputs_EqualsTheReferencesFloat32Rule()
    {
        foreach (JsonElement row in Case.GetProperty("long_lengths").GetProperty("rows").EnumerateArray())
        {
            Resampler resampler = new(row[0].GetInt32(), row[1].GetInt32(), new ResampleOptions());
            Assert.Equal(row[3].GetInt64(), resampler.OutputLength(row[2].GetInt64()));
        }
    }

    [Fact]
    public void Resample_RowsNotKept_EqualsTheDefinition()
    {
        // Nearly coprime rates: more rows than are kept, and far more taps than the original's matrix would hold.
        const int From = 767_999;
        const int To = 767_987;
        float[] samples = [.. Enumerable.Range(0, 300).Select(i => MathF.Sin(i * 0.05f))];
        float[] result = new Resampler(From, To, new ResampleOptions()).Resample(samples);
        Assert.Equal(300, result.Length);
        for (int i = 20; i < 280; i++)
        {
            Assert.Equal(Math.Sin(i * 0.05 * From / To), result[i], 2e-3);
        }
    }

    [Fact]
    public void Resample_KaiserWindow_KeepsALowToneAndItsLevel()
    {
        float[] samples = [.. Enumerable.Range(0, 4000).Select(i => MathF.Sin(2 * MathF.PI * 440 * i / 16000))];
        ResampleOptions options = new() { Window = ResampleWindow.Kaiser, LowpassFilterWidth = 64, Rolloff = 0.9475937167399596 };
        float[] result = new Resampler(16000, 48000, options).Resample(samples);
        for (int i = 1000; i < 11000; i++)
        {
            Assert.Equal(Math.Sin(2 * Math.PI * 440 * i / 48000), result[i], 1e-4);
        }
    }

    [Fact]
    public void Resample_SameRate_IsTheClipItself()
    {
        AudioClip clip = AudioClip.FromSamples([1f, 2f], 8000);
        Assert.Same(clip, clip.Resample(8000));
    }

    [Fact]
    public void Resample_BadOptions_NameTheOption()
    {
        AudioClip clip = AudioClip.FromSamples([1f], 8000);
        Assert.Throws<ArgumentOutOfRangeException>(() => clip.Resample(0));
        Assert.Throws<ArgumentOutOfRangeException>("Rolloff", () => clip.Resample(9000, new ResampleOptions { Rolloff = double.NaN }));
        Assert.Throws<ArgumentOutOfRangeException>("LowpassFilterWidth", () => clip.Resample(9000, new ResampleOptions { LowpassFilterWidth = 0 }));
        Assert.Throws<ArgumentException>(() => AudioClip.FromSamples([1f], AudioClip.MaxSampleRate).Resample(1, new ResampleOptions { LowpassFilterWidth = 4096 }));
    }

    private static AudioClip Stereo(string name, int rate)
    {
        float[] planes = Inputs.Float(name);
        return AudioClip.FromSamples(ChannelMixer.Interleave([planes[..(planes.Length / 2)], planes[(planes.Length / 2)..]]), rate, 2);
    }

    private static float[] Planes(AudioClip clip) => [.. ChannelMixer.Extract(clip.Samples.Span, 2, 0), .. ChannelMixer.Extract(clip.Samples.Span, 2, 1)];
}
