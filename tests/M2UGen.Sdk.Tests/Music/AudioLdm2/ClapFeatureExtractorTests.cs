using System.Text.Json.Nodes;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2;

/// <summary>What is heard of short and long clips; the spectrograms' numbers are the goldens' to judge.</summary>
public sealed class ClapFeatureExtractorTests
{
    private const int Max = 400;
    private const int Hop = 40;
    private const int Bins = 6;

    private static readonly ClapFeatureConfig Single = new()
    {
        SampleRate = 8000,
        HopLength = Hop,
        WindowSize = 64,
        MelBins = Bins,
        LowestFrequency = 100,
        HighestFrequency = 3500,
        MaxSamples = Max,
        Padding = ClapPadding.RepeatWhole,
        Fuses = false,
    };

    private static readonly ClapDraw None = (_, _) => throw new InvalidOperationException("Nothing should be drawn.");

    [Theory]
    [InlineData((int)ClapPadding.RepeatWhole)]
    [InlineData((int)ClapPadding.Repeat)]
    [InlineData((int)ClapPadding.Zeros)]
    public void Extract_ShortClip_IsFilledAsSaid(int padding)
    {
        ClapFeatureExtractor extractor = new(Single with { Padding = (ClapPadding)padding });
        float[] clip = Wave(150);
        float[] filled = new float[Max];
        clip.CopyTo(filled, 0);
        if (padding != (int)ClapPadding.Zeros)
        {
            clip.CopyTo(filled, 150);
        }

        if (padding == (int)ClapPadding.Repeat)
        {
            clip.AsSpan(0, 100).CopyTo(filled.AsSpan(300));
        }

        ClapFeatures found = extractor.Extract(clip, None);
        Assert.Equal((1, 11, Bins, false), (found.Channels, found.Frames, found.Bins, found.IsLonger));
        Assert.Equal(extractor.Extract(filled, None).Values, found.Values);
    }

    [Fact]
    public void Extract_LongClip_HearsThePieceThatIsDrawn()
    {
        ClapFeatureExtractor extractor = new(Single);
        float[] clip = Wave(650);
        (int First, int Count) asked = default;
        ClapFeatures found = extractor.Extract(clip, (first, count) =>
        {
            asked = (first, count);
            return 37;
        });
        Assert.Equal((0, 251), asked);
        Assert.True(found.IsLonger);
        Assert.Equal(extractor.Extract(clip.AsSpan(37, Max), None).Values, found.Values);
    }

    [Theory]
    [InlineData(Max + Hop, 2, new[] { 1, 1, 0 })] // two places: the last third is empty, and its first place counts
    [InlineData(Max + (4 * Hop) + 3, 5, new[] { 2, 2, 1 })]
    [InlineData(Max + (6 * Hop), 7, new[] { 3, 2, 2 })]
    public void Extract_LongClipWithFusion_DrawsFromThirds(int length, int places, int[] counts)
    {
        ClapFeatureExtractor extractor = new(Single with { Fuses = true });
        List<(int First, int Count)> asked = [];
        ClapFeatures found = extractor.Extract(Wave(length), (first, count) =>
        {
            asked.Add((first, count));
            return first + count - 1;
        });
        Assert.Equal((4, true), (found.Channels, found.IsLonger));
        int first = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            Assert.Equal(counts[i] == 0 ? (0, 1) : (first, counts[i]), asked[i]);
            first += counts[i];
        }

        Assert.Equal(places, first);

        // Front and middle are pieces of one spectrogram, so where they overlap they are equal.
        int size = 11 * Bins;
        int distance = asked[1].First + asked[1].Count - asked[0].First - asked[0].Count;
        Assert.Equal(found.Values.AsSpan(size + (distance * Bins), size - (distance * Bins)), found.Values.AsSpan(2 * size, size - (distance * Bins)));
        Assert.NotEqual(found.Values[..size], found.Values[size..(2 * size)]);
    }

    [Fact]
    public void Extract_LongerByLessThanAHop_IsHeardWhole()
    {
        ClapFeatureExtractor extractor = new(Single with { Fuses = true });
        ClapFeatures found = extractor.Extract(Wave(Max + Hop - 1), None);
        Assert.False(found.IsLonger);
        Assert.Equal(found.Values.AsSpan(0, 11 * Bins), found.Values.AsSpan(33 * Bins, 11 * Bins));
    }

    [Fact]
    public void Extract_Silence_IsTheFloor() => Assert.All(new ClapFeatureExtractor(Single).Extract(new float[Max], None).Values, value => Assert.Equal(-100f, value));

    [Fact]
    public void Extract_NothingOrNotANumber_Throws()
    {
        ClapFeatureExtractor extractor = new(Single);
        Assert.Throws<ArgumentException>(() => extractor.Extract([], None));
        Assert.Throws<ArgumentException>(() => extractor.Extract([0, float.NaN], None));
    }

    [Fact]
    public void FlagLonger_NoneIsLonger_FlagsTheOneDrawnWithFusionOnly()
    {
        ClapFeatures four = new([], 4, 0, 0, IsLonger: false);
        Assert.Equal([false, false, true], ClapFeatureExtractor.FlagLonger([four, four, four], (first, count) => first + count - 1));
        Assert.Equal([false, true], ClapFeatureExtractor.FlagLonger([four, four with { IsLonger = true }], None));
        Assert.Equal([false, false], ClapFeatureExtractor.FlagLonger([four with { Channels = 1 }, four with { Channels = 1 }], None));
    }

    [Fact]
    public void Seeded_SameSeedAndClip_DrawsTheSame()
    {
        int[] Draw(ulong seed, int clip)
        {
            ClapDraw draw = ClapDraws.Seeded(seed, clip);
            return [.. Enumerable.Range(0, 50).Select(_ => draw(10, 1000))];
        }

        Assert.Equal(Draw(5, 1), Draw(5, 1));
        Assert.NotEqual(Draw(5, 1), Draw(5, 2));
        Assert.NotEqual(Draw(5, 1), Draw(6, 1));
        Assert.All(Draw(5, 1), value => Assert.InRange(value, 10, 1009));
        Assert.Equal(3, ClapDraws.Seeded(1, 1)(3, 1));
    }

    [Theory]
    [InlineData("padding", "\"mirror\"", "one of repeatpad, repeat, pad")]
    [InlineData("truncation", "1", "one of rand_trunc, fusion")]
    [InlineData("fft_window_size", "900", "800")]
    [InlineData("max_samples", "0", "whole number")]
    public void From_BadNumbers_SaysWhy(string key, string value, string reason)
    {
        JsonObject section = JsonNode.Parse("""
            {"sampling_rate":8000,"hop_length":40,"fft_window_size":64,"feature_size":6,"frequency_min":100,"frequency_max":3500,"max_samples":400,"padding":"repeat","truncation":"fusion"}
            """)!.AsObject();
        ClapFeatureConfig config = ClapFeatureConfig.From(section, "bundle");
        Assert.Equal((ClapPadding.Repeat, true, 11, 4), (config.Padding, config.Fuses, config.Frames, config.Channels));
        section[key] = JsonNode.Parse(value);
        ModelBundleException error = Assert.Throws<ModelBundleException>(() => ClapFeatureConfig.From(section, "bundle"));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    private static float[] Wave(int length) => [.. Enumerable.Range(0, length).Select(i => MathF.Sin(i * i * 0.002f) * (1 + (i % 11)))];
}
