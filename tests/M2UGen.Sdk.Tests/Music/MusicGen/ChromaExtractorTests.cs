using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

public sealed class ChromaExtractorTests
{
    private const double Tolerance = 2e-4;
    private static readonly string Folder = Repository.Golden("musicgen-melody");
    private static readonly JsonElement Case = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "case.json"))).RootElement;
    private static readonly GoldenTensors Inputs = new(Path.Combine(Folder, "inputs.safetensors"));
    private static readonly GoldenTensors Expected = new(Path.Combine(Folder, "expected.safetensors"));
    private static readonly string Preprocessor = Path.Combine(Folder, "model", "preprocessor_config.json");
    private static readonly ChromaExtractor Extractor = new(ChromaConfig.FromJson(JsonNode.Parse(File.ReadAllText(Preprocessor))!.AsObject(), Case.GetProperty("chroma_length").GetInt32(), Preprocessor));

    [Theory]
    [InlineData("long")]
    [InlineData("short")]
    [InlineData("tiny")]
    [InlineData("exact")]
    [InlineData("resampled")]
    public void Extract_Wave_EqualsTheReference(string name) => Check(name, Extractor.Extract(Wave(name)));

    [Fact]
    public void MixStems_DemucsOutput_EqualsTheReference()
    {
        int[] shape = Inputs.Shape("stems");
        AudioClip mono = Extractor.MixStems(Inputs.Float("stems"), shape[1], shape[2], Case.GetProperty("sample_rates").GetProperty("stems").GetInt32());
        Near.Equal(Expected.Float("stems_mono"), mono.Samples.Span, 3e-6);
        Check("stems", Extractor.Extract(mono));
    }

    [Fact]
    public void ExtractBatch_UnequalLengths_PadsOnTheRight()
    {
        ChromaFeatures[] batch = Extractor.ExtractBatch([Wave("short").Samples.ToArray(), Wave("exact").Samples.ToArray()]);
        float[] rows = [.. batch[0].OneHot(), .. batch[1].OneHot()];
        Assert.Equal(Expected.Float("chroma/batch"), rows);
    }

    [Fact]
    public void Filters_EveryEighthColumn_EqualTheReference()
    {
        float[] expected = Expected.Float("chroma_filters");
        int[] shape = Expected.Shape("chroma_filters");
        int bins = Extractor.Filters.Length / shape[0];
        for (int c = 0; c < shape[0]; c++)
        {
            for (int i = 0; i < shape[1]; i++)
            {
                Assert.Equal(expected[(c * shape[1]) + i], Extractor.Filters[(c * bins) + (8 * i)], 1e-6f);
            }
        }
    }

    [Fact]
    public void WindowSumSquares_PeriodicHann_EqualsTheReference() => Assert.Equal(Expected.Float("window_sum_squares")[0], Extractor.WindowSumSquares, 0.01);

    [Fact]
    public void Extract_Stereo_IsThatOfItsMean()
    {
        AudioClip mono = Wave("short");
        float[] stereo = new float[2 * mono.SampleCount];
        for (int i = 0; i < mono.SampleCount; i++)
        {
            stereo[2 * i] = 2 * mono.Samples.Span[i];
        }

        Check("short", Extractor.Extract(AudioClip.FromSamples(stereo, mono.SampleRate, 2)));
    }

    [Fact]
    public void Fit_FewerFramesThanRows_RepeatsWholeThenCuts()
    {
        ChromaFeatures features = new(3, [2, 0], []);
        Assert.Equal([0, 0, 1, 1, 0, 0, 0, 0, 1], features.Fit(3));
        Assert.Equal([0, 0, 1], features.Fit(1));
        Assert.Equal([1, 0, 1, 0], ChromaFeatures.None(2, 2));
    }

    [Fact]
    public void Extract_NothingOrNotANumber_SaysSo()
    {
        Assert.Throws<ArgumentException>(() => Extractor.Extract(AudioClip.FromSamples([], 32000)));
        Assert.Throws<ArgumentException>(() => Extractor.Extract(AudioClip.FromSamples([0f, float.NaN], 44100)));
    }

    [Theory]
    [InlineData("n_fft", "0")]
    [InlineData("hop_length", "-1")]
    [InlineData("sampling_rate", "\"fast\"")]
    [InlineData("chunk_length", "1e300")]
    [InlineData("num_chroma", "1.5")]
    [InlineData("stem_indices", "[-1]")]
    public void FromJson_BadValue_NamesItsKey(string key, string value)
    {
        JsonObject json = new() { ["chroma_length"] = 4, [key] = JsonNode.Parse(value) };
        ModelBundleException error = Assert.Throws<ModelBundleException>(() => ChromaConfig.FromJson(json, null, "some.json"));
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromJson_NoChromaLength_NamesIt() => Assert.Contains("chroma_length", Assert.Throws<ModelBundleException>(() => ChromaConfig.FromJson([], null, "some.json")).Message, StringComparison.Ordinal);

    private static AudioClip Wave(string name) => AudioClip.FromSamples(Inputs.Float($"chroma_wave/{name}"), Case.GetProperty("sample_rates").GetProperty($"chroma_wave/{name}").GetInt32());

    private static void Check(string name, ChromaFeatures features)
    {
        Assert.Equal(Expected.Float($"chroma/{name}"), features.OneHot());
        Near.Equal(Expected.Float($"chroma_normalised/{name}"), features.Normalised, Tolerance, name);
    }
}
