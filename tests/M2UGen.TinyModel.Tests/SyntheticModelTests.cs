using M2UGen.Export;
using M2UGen.Export.Synthesis;
using M2UGen.Sdk;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests;

/// <summary>Made-up weights in a tiny model's configuration, exported and run: signals must neither die out nor explode.</summary>
public sealed class SyntheticModelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-synthetic-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("float32")]
    [InlineData("int4")]
    public async Task GenerateMusicAsync_MadeUpWeights_GivesSound(string precision)
    {
        string source = Directory.CreateDirectory(Path.Combine(folder, "model")).FullName;
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Repository.Golden("m2ugen-base"), "musicgen"), "*.json"))
        {
            File.Copy(file, Path.Combine(source, Path.GetFileName(file)));
        }

        Synthesizer.WriteMusicGenWeights(source, seed: 1, written: null, CancellationToken.None);
        string bundle = Path.Combine(folder, "bundle");
        await Exporter.ExportAsync(new ExportOptions { Source = source, OutputPath = bundle, Precision = PrecisionPolicy.Parse(precision) });
        await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(bundle).WithOptions(new PipelineOptions { Threads = 1 }).LoadAsync();

        MusicResult music = await pipeline.Prompt("a waltz").WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(1), Seed = 2 }).GenerateMusicAsync();

        double loudness = Math.Sqrt(music.Audio.Samples.ToArray().Average(sample => (double)sample * sample));
        Assert.InRange(loudness, 0.005, 2);
        Assert.True(music.Codes!.SelectMany(row => row).Distinct().Count() > 40, "the codes hardly change");
    }
}
