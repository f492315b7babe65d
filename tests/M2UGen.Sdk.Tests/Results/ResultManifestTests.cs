using System.Text.Json.Nodes;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Results;

public sealed class ResultManifestTests
{
    [Fact]
    public async Task ToJson_ReadBack_IsTheSame()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        M2UGenResult result = await pipeline.Prompt("a \"slow\" wältz")
            .WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(12.5), TopK = 40, Seed = ulong.MaxValue, Conditioning = MusicConditioningMode.Caption })
            .WithFidelity(Fidelity.Reference)
            .RunAsync();
        string json = result.Manifest.ToJson();
        Assert.Contains("\"bundle_hash\"", json, StringComparison.Ordinal);
        Assert.Equal(result.Manifest, ResultManifest.FromJson(json));
    }

    [Fact]
    public async Task FromJson_OlderManifest_SettingsItDidNotKnowHaveTheirDefaults()
    {
        JsonObject json = await WrittenAsync();
        json["fidelity"] = new JsonObject { ["pad_caption"] = true };
        json["generation"] = new JsonObject { ["top_k"] = 3 };
        json["music"] = new JsonObject();
        ResultManifest manifest = ResultManifest.FromJson(json.ToJsonString());
        Assert.Equal(Fidelity.Improved with { PadCaption = true }, manifest.Fidelity);
        Assert.Equal(GenerationOptions.Default with { TopK = 3 }, manifest.Generation);
        Assert.Equal(MusicOptions.Default, manifest.Music);
    }

    [Theory]
    [InlineData("fidelity")]
    [InlineData("prompt")]
    public async Task FromJson_NullWhereSomethingMustBe_IsAFormatError(string name)
    {
        JsonObject json = await WrittenAsync();
        json[name] = null;
        Assert.Throws<FormatException>(() => ResultManifest.FromJson(json.ToJsonString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("{\"seed\": 1, \"seed\": 2}")]
    public void FromJson_AnythingElse_IsAFormatError(string json) => Assert.Throws<FormatException>(() => ResultManifest.FromJson(json));

    private static async Task<JsonObject> WrittenAsync()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        M2UGenResult result = await pipeline.Prompt("a waltz").WithFidelity(Fidelity.Reference).RunAsync();
        return JsonNode.Parse(result.Manifest.ToJson())!.AsObject();
    }
}
