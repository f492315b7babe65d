using System.Text.Json.Nodes;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;

namespace M2UGen.Export.Tests.Sources;

/// <summary>What is said about AudioLDM2 directories that cannot be exported; whole ones are exported by the parity runner.</summary>
public sealed class AudioLdm2DirectoryTests : IDisposable
{
    private static readonly (string Folder, string Class)[] Published =
    [
        ("text_encoder", "ClapModel"), ("text_encoder_2", "T5EncoderModel"), ("projection_model", "AudioLDM2ProjectionModel"), ("language_model", "GPT2Model"),
        ("unet", "AudioLDM2UNet2DConditionModel"), ("vae", "AutoencoderKL"), ("vocoder", "SpeechT5HifiGan"), ("tokenizer", "RobertaTokenizerFast"),
        ("tokenizer_2", "T5TokenizerFast"), ("feature_extractor", "ClapFeatureExtractor"), ("scheduler", "DDIMScheduler"),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Check_OfTheLayout_FindsNothingWrong()
    {
        Write();
        DiffusersIndex.Check(_folder.Path);
        Assert.Equal("AudioLDM2Pipeline", DiffusersIndex.PipelineOf(_folder.Path));
    }

    [Fact]
    public void Check_NamesEveryWrongPartAtOnce()
    {
        Write(index =>
        {
            index["unet"] = new JsonArray("diffusers", "UNet2DConditionModel");
            index["text_encoder_2"] = new JsonArray("transformers", "VitsModel");
            index.Remove("vocoder");
        });
        Directory.Delete(Path.Combine(_folder.Path, "vae"));
        CheckpointException e = Assert.Throws<CheckpointException>(() => AudioLdm2Directory.Open(_folder.Path));
        Assert.Contains("unet: class 'UNet2DConditionModel' is not supported; expected AudioLDM2UNet2DConditionModel", e.Message, StringComparison.Ordinal);
        Assert.Contains("text_encoder_2: class 'VitsModel'", e.Message, StringComparison.Ordinal);
        Assert.Contains("vocoder: missing", e.Message, StringComparison.Ordinal);
        Assert.Contains("vae: there is no such folder", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"_class_name\": \"StableDiffusionPipeline\"}", "class 'StableDiffusionPipeline'; expected AudioLDM2Pipeline")]
    [InlineData("{}", "class 'nothing'")]
    [InlineData("[]", "holds a JSON Array")]
    [InlineData("{", "is not valid JSON")]
    public void Check_OfAnotherIndex_SaysWhatItIs(string json, string expected)
    {
        File.WriteAllText(Path.Combine(_folder.Path, DiffusersIndex.FileName), json);
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => DiffusersIndex.Check(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_WithoutAnIndex_NamesTheFile() =>
        Assert.Contains(DiffusersIndex.FileName, Assert.Throws<CheckpointException>(() => DiffusersIndex.Check(_folder.Path)).Message, StringComparison.Ordinal);

    [Fact]
    public void Scheduler_OfTheRelease_IsTakenOver()
    {
        WriteScheduler("""{ "_class_name": "DDIMScheduler", "_diffusers_version": "0.21.4", "prediction_type": "epsilon", "clip_sample": false }""");
        JsonObject json = SchedulerFile.Read(_folder.Path);
        Assert.Equal("DDIMScheduler", (string?)json["_class_name"]);
        Assert.False(json.ContainsKey("_diffusers_version"));
    }

    [Fact]
    public void Scheduler_WithPythonsInfinity_IsRead()
    {
        WriteScheduler("""{ "_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity }""");
        Assert.Null(SchedulerFile.Read(_folder.Path)["lambda_min_clipped"]);
    }

    [Theory]
    [InlineData("""{ "_class_name": "DDIMScheduler", "prediction_type": "sample", "beta_schedule": "exp" }""", "prediction_type: expected one of epsilon, v_prediction, found \"sample\"|beta_schedule: expected")]
    [InlineData("""{ "_class_name": "DDPMScheduler" }""", "_class_name: expected one of DDIMScheduler")]
    [InlineData("[]", "holds no JSON object")]
    [InlineData("{ \"a\": 1, \"a\": 2 }", "is not valid JSON")]
    public void Scheduler_ThatIsNotThere_IsNamed(string json, string expected)
    {
        WriteScheduler(json);
        string message = Assert.Throws<CheckpointException>(() => SchedulerFile.Read(_folder.Path)).Message;
        Assert.All(expected.Split('|'), part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Find_TakesADiffusersDirectoryAlone()
    {
        Write();
        Assert.Equal(_folder.Path, SourceFinder.Find(new ExportOptions { Source = _folder.Path, OutputPath = "" }).AudioLdm2Directory);
        Assert.Equal(_folder.Path, SourceFinder.Find(new ExportOptions { MusicDecoderPath = _folder.Path, MusicDecoder = "AudioLDM2", OutputPath = "" }).AudioLdm2Directory);
        SourceFinder.Selection selection = SourceFinder.Find(new ExportOptions { Source = _folder.Path, LlamaType = "7B", OutputPath = "" });
        Assert.Contains("--llama_type: not used", Assert.Single(selection.Remarks), StringComparison.Ordinal);
        Assert.Throws<ExportException>(() => SourceFinder.Find(new ExportOptions { Source = _folder.Path, MusicDecoder = "musicgen", OutputPath = "" }));
        Assert.Throws<ExportException>(() => SourceFinder.Find(new ExportOptions { Source = _folder.Path, Model = "checkpoint.pth", OutputPath = "" }));
    }

    private void Write(Action<JsonObject>? change = null)
    {
        JsonObject index = new() { ["_class_name"] = "AudioLDM2Pipeline" };
        foreach ((string folder, string type) in Published)
        {
            index[folder] = new JsonArray("library", type);
            Directory.CreateDirectory(Path.Combine(_folder.Path, folder));
        }

        change?.Invoke(index);
        File.WriteAllText(Path.Combine(_folder.Path, DiffusersIndex.FileName), index.ToJsonString());
    }

    private void WriteScheduler(string json) => File.WriteAllText(Path.Combine(_folder.Path, SchedulerFile.FileName), json);
}
