using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Runtime.Bundles;

public sealed class FamilyContractTests
{
    private const string Language = "component 'llama' is missing|tensor 'prefix-text' is missing|tokenizer 'llama' is missing";

    private const string AudioLdm2 = "component 'clap-text' is missing|component 'clap-audio' is missing|component 't5' is missing|component 'projection' is missing|component 'gpt2' is missing|component 'unet' is missing|component 'unet-condition' is missing|component 'unet-time' is missing|component 'vae-decoder' is missing|component 'vocoder' is missing|tokenizer 'roberta' is missing|tokenizer 't5' is missing";

    [Theory]
    [InlineData("m2ugen", Language)]
    [InlineData("audioldm2", AudioLdm2)]
    [InlineData("audioldm2-part", "there is no component")]
    [InlineData("m2ugen-encoder", "there is no component")]
    [InlineData("m2ugen-audioldm2", "component 'projector' is missing|" + AudioLdm2 + "|" + Language)]
    [InlineData("musicgen", "component 't5' is missing|component 'musicgen-condition' is missing|component 'musicgen-decoder' is missing|component 'encodec-decoder' is missing|component 'encodec-encoder' is missing|tokenizer 't5' is missing")]
    [InlineData("m2ugen-musicgen", Language + "|component 'projector' is missing|component 't5' is missing|component 'musicgen-condition' is missing|component 'musicgen-decoder' is missing|component 'encodec-decoder' is missing|component 'encodec-encoder' is missing|tokenizer 't5' is missing")]
    public void Check_NothingInside_ListsEverythingThatLacks(string family, string lacking) =>
        Assert.Equal(lacking.Split('|').Order(StringComparer.Ordinal), FamilyContract.Check(Empty(family)).Order(StringComparer.Ordinal));

    [Fact]
    public void Check_UnknownFamily_NamesItAndTheKnownOnes()
    {
        string problem = Assert.Single(FamilyContract.Check(Empty("m2ugen-9000")));
        Assert.Contains("'m2ugen-9000'", problem, StringComparison.Ordinal);
        Assert.Contains("m2ugen-musicgen", problem, StringComparison.Ordinal);
    }

    private static BundleManifest Empty(string family) => new()
    {
        FormatVersion = BundleManifest.CurrentFormatVersion,
        Family = family,
        ExporterVersion = "test",
        Components = [],
    };
}
