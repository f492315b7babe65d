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

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[1]")]
    public void FromJson_AnythingElse_IsAFormatError(string json) => Assert.Throws<FormatException>(() => ResultManifest.FromJson(json));
}
