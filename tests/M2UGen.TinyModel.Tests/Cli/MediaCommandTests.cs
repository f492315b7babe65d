using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.TinyModel.Tests.Pipeline;

namespace M2UGen.TinyModel.Tests.Cli;

/// <summary>The program with a bundle that listens, looks, talks and plays.</summary>
public sealed class MediaCommandTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-cli").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Ask_NamesOfTheReferencesProgram_AnswersAboutThePicture()
    {
        CliRun run = await RunAsync("ask", "--prompt", "What do you see?", "--image_file", TinyM2UGen.Medium("image_y.png"), "--temperature", "0");
        Assert.Equal((0, "I see a grey pattern."), (run.Code, run.Output.Trim()));
    }

    [Fact]
    public async Task Caption_Json_CarriesTheHashAndTheQuestion()
    {
        CliRun run = await RunAsync("caption", "--audio", TinyM2UGen.Medium("audio_b.wav"), "--knn", "--knn-size", "3", "--temperature", "0", "--max-tokens", "8", "--json");
        Assert.Equal(0, run.Code);
        JsonElement manifest = JsonDocument.Parse(run.Output).RootElement.GetProperty("manifest");
        Assert.Equal(M2UGenRequest.CaptionQuestion, manifest.GetProperty("prompt").GetString());
        Assert.Equal(64, manifest.GetProperty("audio_hash").GetString()!.Length);
        Assert.Equal(3, manifest.GetProperty("knn").GetProperty("cache_size").GetInt32());
    }

    [Fact]
    public async Task Edit_Sound_WritesMusicOfItsLength()
    {
        string song = TinyM2UGen.Medium("audio_b.wav");
        CliRun run = await RunAsync("edit", "Remove the drums from the music.", "--audio", song, "-o", Target("edited.wav"), "-s", "5", "--answer-temperature", "0");
        Assert.Equal(0, run.Code);
        Assert.Contains("Listening and looking", run.Error, StringComparison.Ordinal);
        Assert.Equal((await AudioClip.LoadAsync(song)).Duration.TotalSeconds, (await AudioClip.LoadAsync(Target("edited.wav"))).Duration.TotalSeconds, 3);
    }

    [Fact]
    public async Task Ask_KnnDirectoryWithoutAnIndex_SaysSo()
    {
        CliRun run = await RunAsync("ask", "What?", "--audio", TinyM2UGen.Medium("audio_b.wav"), "--knn_dir", _folder);
        Assert.Equal(1, run.Code);
        Assert.Contains("knn.index", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--audio", "no-such-file.wav", "no-such-file.wav")]
    [InlineData("--image", "broken.png", "broken.png")]
    public async Task Ask_FileThatCannotBeRead_NamesIt(string medium, string file, string says)
    {
        await File.WriteAllTextAsync(Target("broken.png"), "no picture");
        CliRun run = await RunAsync("ask", "What?", medium, Target(file));
        Assert.Equal(1, run.Code);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_PictureThenMusic_TheLastMusicIsHeard()
    {
        CliRun run = await CliRun.OfAsync(
            ["chat", "--bundle", tiny.BundlePath, "-q", "-o", _folder, "-d", "0.5", "--answer-temperature", "0", "--json"],
            $"/image {TinyM2UGen.Medium("image_x.png")}\nWhat do you see?\nWhat do you see?\n{TinyM2UGen.MusicPrompt}\nDescribe the music in detail.\n/save {Target("talk")}\n");
        Assert.Equal(0, run.Code);
        JsonElement[] turns = [.. run.Output.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(4, turns.Length);
        Assert.Equal("I see a colourful gradient.", turns[0].GetProperty("answer").GetProperty("text").GetString());
        Assert.Equal(JsonValueKind.Null, turns[3].GetProperty("music").ValueKind);
        JsonElement saved = JsonDocument.Parse(await File.ReadAllTextAsync(Target("talk"))).RootElement.GetProperty("turns");

        // The picture belongs to its line alone; the music goes on to the line after it.
        Assert.True(saved[0].GetProperty("manifest").TryGetProperty("image_hash", out _));
        Assert.False(saved[1].GetProperty("manifest").TryGetProperty("image_hash", out _));
        Assert.Equal(saved[2].GetProperty("music_hash").GetString(), saved[3].GetProperty("manifest").GetProperty("audio_hash").GetString());
    }

    [Fact]
    public async Task Chat_NamesOfTheReferencesProgram_MakeTheFirstLine()
    {
        CliRun run = await CliRun.OfAsync(
            ["chat", "--model", tiny.BundlePath, "-q", "-o", _folder, "--answer-temperature", "0", "--prompt", "What do you see?", "--image_file", TinyM2UGen.Medium("image_x.png")],
            "What do you see?\n");
        Assert.Equal(0, run.Code);
        Assert.Equal(["I see a colourful gradient.", "Nothing yet."], run.Output.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Bench_Json_HoldsEveryEncoderAgainstTheMachine()
    {
        CliRun run = await RunAsync("bench", "-d", "0.3", "-n", "1", "--prompt-tokens", "8", "--new-tokens", "4", "--json");
        Assert.Equal(0, run.Code);
        JsonElement json = JsonDocument.Parse(run.Output).RootElement;
        Assert.All(json.GetProperty("calibration").EnumerateObject(), figure => Assert.True(figure.Value.GetDouble() > 0, figure.Name));
        Assert.Equal(["mert", "vit", "vivit"], json.GetProperty("encoders").EnumerateObject().Select(part => part.Name));
        Assert.Equal(5, json.GetProperty("media").EnumerateObject().Count());
        Assert.All(
            json.GetProperty("encoders").EnumerateObject().Concat(json.GetProperty("media").EnumerateObject()).SelectMany(part => part.Value.EnumerateObject()),
            figure => Assert.True(figure.Value.GetDouble() > 0, figure.Name));
    }

    [Fact]
    public void EncoderWork_PublishedSizes_AreTheKnownCounts()
    {
        // ViT-B/16 of 224 x 224: 17.6 billion multiply-adds are told for the classifier; without its head about 35 billion operations.
        Assert.InRange(Work("""{"layers": 12, "hidden_size": 768, "feed_forward_size": 3072, "channels": 3, "image_size": 224, "tokens": 197}""").OfPixels()!.Value / 1e9, 34.5, 35.5);

        // Linear layers of MERT-v1-330M have 302 million weights, 75 frames a second; scores over a minute and the convolutions come on top.
        double minute = Work("""
            {"layers": 24, "hidden_size": 1024, "feed_forward_size": 4096, "positional_kernel": 128, "positional_groups": 16,
             "conv_channels": [512, 512, 512, 512, 512, 512, 512], "conv_kernel": [10, 3, 3, 3, 3, 2, 2], "conv_stride": [5, 2, 2, 2, 2, 2, 2]}
            """).OfWindow(60 * 24000)!.Value;
        Assert.InRange(minute / 1e12, (2 * 302e6 * 4500) / 1e12, 6.5);
        Assert.Null(Work("{}").OfPixels());
        Assert.Null(Work("{}").OfWindow(24000));

        static M2UGen.Cli.Bench.EncoderWork Work(string config) => new(new M2UGen.Sdk.Runtime.Bundles.BundleComponent
        {
            Graph = "x.onnx",
            Files = [],
            Precision = "float32",
            Inputs = [],
            Outputs = [],
            Config = System.Text.Json.Nodes.JsonNode.Parse(config)!.AsObject(),
        });
    }

    private Task<CliRun> RunAsync(string command, params string[] arguments) => CliRun.OfAsync([command, "--bundle", tiny.BundlePath, .. arguments]);

    private string Target(string name) => Path.Combine(_folder, name);
}
