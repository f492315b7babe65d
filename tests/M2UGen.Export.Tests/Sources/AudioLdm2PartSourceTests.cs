using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Sources;

/// <summary>Single folders of an AudioLDM2 directory as bundles of their own.</summary>
public sealed class AudioLdm2PartSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task ExportAsync_EachFolder_IsABundleOfItsGraphs()
    {
        ReducedAudioLdm2.Write(_folder.Path, seed: 1);
        foreach ((string folder, string components) in new[]
        {
            ("text_encoder", "clap-audio, clap-text"), ("text_encoder_2", "t5"), ("projection_model", "projection"), ("language_model", "gpt2"),
            ("unet", "unet, unet-condition, unet-time"), ("vae", "vae-decoder"), ("vocoder", "vocoder"),
        })
        {
            ExportResult result = await Export(folder);
            ModelBundle bundle = ModelBundle.OpenChecked(result.BundlePath);

            Assert.Equal((BundleFamily.AudioLdm2Part, components), (result.Family, string.Join(", ", result.Components)));
            Assert.Empty(await bundle.VerifyAsync());
            Assert.Equal(folder == "text_encoder", bundle.Manifest.Preprocessing.ContainsKey(ClapFeatureConfig.Section));
        }
    }

    [Fact]
    public async Task ExportAsync_AFolderWithTaps_HasThemAsOutputs()
    {
        ReducedAudioLdm2.Write(_folder.Path, seed: 1);
        ExportResult result = await Export("vocoder", "upsampler*");
        Assert.Contains(ModelBundle.Open(result.BundlePath).Component("vocoder").Outputs, output => output.Name == "upsampler0");
    }

    [Fact]
    public async Task LoadAsync_OfAPart_SaysWhatItIs()
    {
        ReducedAudioLdm2.Write(_folder.Path, seed: 1);
        ExportResult result = await Export("vae");
        UnsupportedCapabilityException e = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => M2UGenPipeline.FromBundle(result.BundlePath).LoadAsync());
        Assert.Contains("a part of an AudioLDM2 alone (vae-decoder)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_AFolderWithSwitchesOfAWholeModel_SaysThatItOnlyExportsByItself()
    {
        File.WriteAllText(_folder.File("config.json"), """{ "model_type": "hifigan" }""");
        ExportOptions options = new() { Source = _folder.Path, OutputPath = "" };
        Assert.Equal(_folder.Path, SourceFinder.Find(options).AudioLdm2Folder);
        Assert.Contains("by itself", Assert.Throws<ExportException>(() => SourceFinder.Find(options with { Model = "checkpoint.pth" })).Message, StringComparison.Ordinal);
        Assert.Contains("--music_decoder", Assert.Throws<ExportException>(() => SourceFinder.Find(options with { MusicDecoder = "audioldm2" })).Message, StringComparison.Ordinal);
        Assert.Contains("--vit_path: not used. A single folder", Assert.Single(SourceFinder.Find(options with { VitPath = "vit" }).Remarks), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AnotherModelsFolder_NamesWhatWouldBeRight()
    {
        File.WriteAllText(_folder.File("config.json"), """{ "_class_name": "UNet2DConditionModel" }""");
        Assert.Contains("AudioLDM2UNet2DConditionModel", Assert.Throws<CheckpointException>(() => DiffusionFolder.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    private Task<ExportResult> Export(string folder, params string[] taps) => Exporter.ExportAsync(new ExportOptions
    {
        Source = Path.Combine(_folder.Path, folder),
        OutputPath = _folder.File($"bundle-{folder}"),
        Taps = taps,
    });
}
