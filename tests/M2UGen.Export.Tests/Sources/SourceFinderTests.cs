using M2UGen.Export.Sources;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Sources;

public sealed class SourceFinderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-source-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Find_CkptsFolder_FindsEveryPart()
    {
        WriteLlama("LLaMA-2", "7B");
        Write("M2UGen-MusicGen/checkpoint.pth");
        Write("musicgen-medium/config.json", """{"model_type": "musicgen"}""");

        SourceFinder.Selection selection = SourceFinder.Find(Options());

        Assert.Null(selection.MusicGenDirectory);
        Assert.Equal(
            new M2UGenParts(Path.Combine(folder, "M2UGen-MusicGen", "checkpoint.pth"), Path.Combine(folder, "LLaMA-2"), "7B", null, Path.Combine(folder, "musicgen-medium")),
            selection.M2UGen);
    }

    [Fact]
    public void Find_TwoCheckpoints_ListsThem()
    {
        WriteLlama("LLaMA", "7B");
        string first = Write("M2UGen-MusicGen/checkpoint.pth");
        string second = Write("M2UGen-AudioLDM2/checkpoint.pth");

        ExportException exception = Assert.Throws<ExportException>(() => SourceFinder.Find(Options()));

        Assert.Contains(first, exception.Message, StringComparison.Ordinal);
        Assert.Contains(second, exception.Message, StringComparison.Ordinal);
        Assert.Equal(second, SourceFinder.Find(Options() with { MusicDecoder = "AudioLDM2" }).M2UGen!.Model);
        Assert.Equal(first, SourceFinder.Find(Options() with { Model = first }).M2UGen!.Model);
    }

    [Theory]
    [InlineData("13B", null, "13B")]
    [InlineData("13B,7B", null, "7B")]
    [InlineData("13B,7B", "13B", "13B")]
    public void Find_LlamaTypes_TakesTheReferencesDefaultOrTheOnlyOne(string types, string? given, string expected)
    {
        WriteLlama("LLaMA", types.Split(','));
        Write("checkpoint.pth");

        Assert.Equal(expected, SourceFinder.Find(Options() with { LlamaType = given }).M2UGen!.LlamaType);
    }

    [Fact]
    public void Find_TwoLlamaTypesWithoutTheDefault_ListsThem()
    {
        WriteLlama("LLaMA", "13B", "70B");
        Write("checkpoint.pth");

        Assert.Contains("13B, 70B", Assert.Throws<ExportException>(() => SourceFinder.Find(Options())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_MusicGenDirectory_NeedsNothingElse()
    {
        string directory = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen");

        Assert.Equal(directory, SourceFinder.Find(Options() with { Source = directory }).MusicGenDirectory);
    }

    [Fact]
    public void Find_MusicGenDirectoryWithSwitchesOfAnotherModel_SaysSo()
    {
        ExportOptions options = Options() with { Source = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen") };

        Assert.Throws<ExportException>(() => SourceFinder.Find(options with { MusicDecoder = "audioldm2" }));
        Assert.Throws<ExportException>(() => SourceFinder.Find(options with { MusicDecoderPath = folder }));
        Assert.StartsWith("--llama_type, --mert_path: not used", Assert.Single(SourceFinder.Find(options with { LlamaType = "7B", MertPath = "mert", MusicDecoder = "MusicGen" }).Remarks), StringComparison.Ordinal);
    }

    [Fact]
    public void Find_CkptsFolder_FindsTheSensesByWhatTheyAre()
    {
        WriteLlama("LLaMA", "7B");
        Write("checkpoint.pth");
        Write("MERT-v1-330M/config.json", """{"model_type": "mert_model"}""");
        Write("google-vit/config.json", """{"model_type": "vit"}""");
        string index = Write("knn.index");

        SensesPaths senses = SourceFinder.Find(Options()).M2UGen!.Senses;

        Assert.Equal(new SensesPaths { Mert = Path.Combine(folder, "MERT-v1-330M"), Vit = Path.Combine(folder, "google-vit"), KnnIndex = index }, senses);
        Assert.Equal("elsewhere", SourceFinder.Find(Options() with { VivitPath = "elsewhere" }).M2UGen!.Senses.Vivit);
    }

    [Fact]
    public void Find_TwoOfOneEncoder_ListsThem()
    {
        WriteLlama("LLaMA", "7B");
        Write("checkpoint.pth");
        Write("vit-base/config.json", """{"model_type": "vit"}""");
        Write("vit-large/config.json", """{"model_type": "vit"}""");

        string message = Assert.Throws<ExportException>(() => SourceFinder.Find(Options())).Message;

        Assert.Contains("vit-large", message, StringComparison.Ordinal);
        Assert.Contains("--vit_path", message, StringComparison.Ordinal);
        Assert.Equal("vit-base", SourceFinder.Find(Options() with { VitPath = "vit-base" }).M2UGen!.Senses.Vit);
    }

    [Fact]
    public void Find_KnnDirectory_NamesTheIndexOrItsFolder()
    {
        WriteLlama("LLaMA", "7B");
        Write("checkpoint.pth");
        string index = Write("cache/knn.index");
        string other = Write("cache/other.index");

        Assert.Equal(index, SourceFinder.Find(Options() with { KnnDirectory = Path.Combine(folder, "cache") }).M2UGen!.Senses.KnnIndex);
        Assert.Equal(other, SourceFinder.Find(Options() with { KnnDirectory = other }).M2UGen!.Senses.KnnIndex);
        Assert.Contains("--knn_dir", Assert.Throws<ExportException>(() => SourceFinder.Find(Options() with { KnnDirectory = folder })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"d_model": 24}""", 24L)]
    [InlineData("""{"d_model": "24"}""", null)]
    [InlineData("""{"d_model": "\ud800"}""", null)]
    [InlineData("""{"\ud800": 24}""", null)]
    [InlineData("24", null)]
    public void Integer_WhateverTheFileHolds_IsANumberOrNothing(string json, long? expected)
    {
        Write("config.json", json);

        Assert.Equal(expected, ModelDirectory.Integer(folder, "config.json", "d_model"));
        Assert.False(ModelDirectory.IsMusicGen(folder));
    }

    [Fact]
    public void Find_EmptyFolder_SaysWhatIsLookedFor()
        => Assert.Contains("tokenizer.model", Assert.Throws<ExportException>(() => SourceFinder.Find(Options())).Message, StringComparison.Ordinal);

    [Fact]
    public void Find_NothingGiven_SaysWhatToGive()
        => Assert.Contains("--model", Assert.Throws<ExportException>(() => SourceFinder.Find(new ExportOptions { OutputPath = "bundle" })).Message, StringComparison.Ordinal);

    private ExportOptions Options() => new() { Source = folder, OutputPath = Path.Combine(folder, "bundle") };

    private void WriteLlama(string name, params string[] types)
    {
        Write($"{name}/tokenizer.model");
        foreach (string type in types)
        {
            Write($"{name}/{type}/params.json", "{}");
        }
    }

    private string Write(string name, string content = "")
    {
        string path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }
}
