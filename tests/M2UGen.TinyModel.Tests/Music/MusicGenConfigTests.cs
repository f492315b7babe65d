using System.Text.Json.Nodes;
using M2UGen.Sdk;
using M2UGen.Sdk.Mini;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.TinyModel.Tests.Music;

/// <summary>What a damaged manifest says of the music half must be found before anything is allocated by it.</summary>
public sealed class MusicGenConfigTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-config-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("musicgen-decoder", "layers", "null")]
    [InlineData("musicgen-decoder", "layers", "1e9")]
    [InlineData("musicgen-decoder", "heads", "0")]
    [InlineData("musicgen-decoder", "head_size", "\"64\"")]
    [InlineData("musicgen-decoder", "max_positions", "-1")]
    [InlineData("musicgen-decoder", "audio_channels", "3")]
    [InlineData("musicgen-condition", "form", "\"other\"")]
    [InlineData("musicgen-condition", "text_width", "1.5")]
    [InlineData("encodec-decoder", "samples_per_frame", "{}")]
    [InlineData("t5", "vocab_size", "0")]
    public void From_NumberThatCannotBe_NamesComponentAndKey(string component, string key, string value)
    {
        ModelBundle bundle = Changed(manifest => manifest["components"]![component]!["config"]![key] = JsonNode.Parse(value));

        ModelBundleException error = Assert.Throws<ModelBundleException>(() => MusicGenConfig.From(bundle));

        Assert.Contains($"\"{key}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{component}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void From_CodecThatDoesNotFitTheDecoder_IsRefused()
    {
        ModelBundle bundle = Changed(manifest => manifest["components"]!["encodec-decoder"]!["config"]!["codebooks"] = 3);

        Assert.Contains("codec", Assert.Throws<ModelBundleException>(() => MusicGenConfig.From(bundle)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void From_GenerationWithNonsense_FallsBackToTheLibrarysDefaults()
    {
        ModelBundle bundle = Changed(manifest => manifest["generation"]!["musicgen"] = JsonNode.Parse("""{ "guidance_scale": -4, "top_k": "many", "temperature": 1e9, "do_sample": 3 }"""));

        Assert.Equal(new MusicGenDefaults(), MusicGenConfig.From(bundle).Defaults);
    }

    [Fact]
    public void From_Generation_IsTheDirectorysOwn()
    {
        ModelBundle bundle = Changed(manifest => manifest["generation"]!["musicgen"] = JsonNode.Parse("""{ "guidance_scale": 3.5, "top_k": 25, "temperature": 0.9, "do_sample": false, "top_p": 0.7, "typical_p": 0.6 }"""));

        Assert.Equal(new MusicGenDefaults(3.5, false, 0.9, 25, 0.7, 0.6), MusicGenConfig.From(bundle).Defaults);
    }

    private ModelBundle Changed(Action<JsonNode> change)
    {
        foreach (string file in Directory.EnumerateFiles(MiniModel.BundlePath, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(folder, Path.GetRelativePath(MiniModel.BundlePath, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        string path = Path.Combine(folder, BundleManifest.FileName);
        JsonNode manifest = JsonNode.Parse(File.ReadAllText(path))!;
        change(manifest);
        File.WriteAllText(path, manifest.ToJsonString());
        return ModelBundle.Open(folder);
    }
}
