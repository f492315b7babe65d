using System.Text.Json;
using M2UGen.Cli;
using M2UGen.Sdk;
using M2UGen.Sdk.Mini;

namespace M2UGen.TinyModel.Tests.Cli;

/// <summary>The program with the model that comes with it, as a user meets it first.</summary>
public sealed class MiniCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-cli").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Generate_SameSeed_WritesTheSameFile()
    {
        CliRun first = await CliRun.OfAsync($"generate a_slow_calm_piano_waltz -o {Target("a.wav")} -d 0.7 -s 7 --json");
        CliRun second = await CliRun.OfAsync($"generate a_slow_calm_piano_waltz -o {Target("b.wav")} -d 0.7 -s 7 --quiet");
        Assert.Equal((0, 0), (first.Code, second.Code));
        Assert.Equal(await File.ReadAllBytesAsync(Target("a.wav")), await File.ReadAllBytesAsync(Target("b.wav")));
        Assert.Equal("", first.Error + second.Error);

        AudioClip clip = await AudioClip.LoadAsync(Target("a.wav"));
        using JsonDocument json = JsonDocument.Parse(first.Output);
        Assert.Equal(TimeSpan.FromSeconds(0.7), clip.Duration);
        Assert.Equal(clip.SampleCount, json.RootElement.GetProperty("samples").GetInt32());
        Assert.Equal(7ul, json.RootElement.GetProperty("seed").GetUInt64());

        ResultManifest manifest = ResultManifest.FromJson(clip.Comment!);
        Assert.Equal("a slow calm piano waltz", manifest.Prompt);
        Assert.Equal(7ul, manifest.MusicSeed);
    }

    [Fact]
    public async Task Generate_SeveralPromptsAndTakes_WritesNumberedFilesThatEachSeedMakesAlone()
    {
        CliRun run = await CliRun.OfAsync($"generate flute a_brass_march --count 2 -o {Target("a.wav")} -d 0.4 -s 7 --json");
        Assert.Equal(0, run.Code);
        Assert.Equal(["a-1.wav", "a-2.wav", "a-3.wav", "a-4.wav"], Directory.GetFiles(_folder).Select(Path.GetFileName).Order());
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement[] pieces = [.. json.RootElement.GetProperty("pieces").EnumerateArray()];
        Assert.Equal([("flute", 7ul), ("flute", 8ul), ("a brass march", 7ul), ("a brass march", 8ul)], pieces.Select(piece => (piece.GetProperty("caption").GetString()!, piece.GetProperty("seed").GetUInt64())));
        Assert.Equal(0, (await CliRun.OfAsync($"generate a_brass_march -o {Target("alone.wav")} -d 0.4 -s 8 -q")).Code);
        Assert.Equal(await File.ReadAllBytesAsync(Target("alone.wav")), await File.ReadAllBytesAsync(Target("a-4.wav")));
    }

    [Theory]
    [InlineData("-- --loud", "--loud")]
    [InlineData("-12_dB_of_hum", "-12 dB of hum")]
    public async Task Generate_WordsThatBeginWithADash_AreWords(string words, string caption)
    {
        CliRun run = await CliRun.OfAsync($"generate -o {Target("a.wav")} -d 0.2 --json {words}");
        Assert.Equal(0, run.Code);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(caption, json.RootElement.GetProperty("caption").GetString());
    }

    [Fact]
    public async Task Generate_WithinABudget_MakesTheSameFileAndRefusesWhatDoesNotFit()
    {
        Assert.Equal(0, (await CliRun.OfAsync($"generate flute -o {Target("a.wav")} -d 0.4 -s 7 -q")).Code);
        Assert.Equal(0, (await CliRun.OfAsync($"generate flute -o {Target("b.wav")} -d 0.4 -s 7 -q --budget 60MB")).Code);
        Assert.Equal(await File.ReadAllBytesAsync(Target("a.wav")), await File.ReadAllBytesAsync(Target("b.wav")));
        CliRun refused = await CliRun.OfAsync($"generate flute -o {Target("c.wav")} -d 0.4 --budget 1MB");
        Assert.Equal(1, refused.Code);
        Assert.Contains("the budget is 1 MB", refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Target("c.wav")));
    }

    [Theory]
    [InlineData("generate flute harp -o -", "standard output")]
    [InlineData("generate flute --count 0", "--count")]
    [InlineData("ask what is this?", "in quotes")]
    [InlineData("edit louder softer --audio a.wav", "in quotes")]
    public async Task Generate_SeveralPiecesThatCannotBe_IsAUsageError(string line, string says)
    {
        CliRun run = await CliRun.OfAsync(line);
        Assert.Equal(2, run.Code);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_NoManifest_LeavesThePromptOut()
    {
        CliRun run = await CliRun.OfAsync($"generate flute -o {Target("a.wav")} -d 0.3 -s 1 --no-manifest --encoding float32");
        Assert.Equal(0, run.Code);
        Assert.Null((await AudioClip.LoadAsync(Target("a.wav"))).Comment);
    }

    [Fact]
    public async Task Generate_CancelledWhileComposing_EndsWith130AndLeavesNothing()
    {
        using CancellationTokenSource source = new();
        using StringReader input = new("");
        using StringWriter output = new();
        using CancellingWriter error = new("Composing", source);
        int code = await CommandLine.RunAsync(["generate", "drums", "-o", Target("a.wav"), "-d", "600"], input, output, error, source.Token);
        Assert.Equal(130, code);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        Assert.EndsWith("Cancelled.", error.ToString().TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-d 0", "Duration")]
    [InlineData("-d 10h", "Duration")]
    [InlineData("-g NaN", "GuidanceScale")]
    [InlineData("-t -1 --top-k -3", "TopK")]
    [InlineData("--conditioning embedding", "Conditioning")]
    public async Task Generate_ImpossibleOption_NamesIt(string switches, string option)
    {
        CliRun run = await CliRun.OfAsync($"generate flute -o {Target("a.wav")} {switches}");
        Assert.NotEqual(0, run.Code);
        Assert.Contains(option, run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task Ask_BundleWithoutLanguageModel_SaysSo()
    {
        CliRun run = await CliRun.OfAsync("ask why?");
        Assert.Equal(1, run.Code);
        Assert.Contains("no language model", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_TwoLines_SavesTwoPieces()
    {
        CliRun run = await CliRun.OfAsync($"chat -o {_folder} -d 0.3 --json", "piano\nflute\n\nnot read\n");
        Assert.Equal(0, run.Code);
        Assert.Equal(["music-1.wav", "music-2.wav"], Directory.GetFiles(_folder).Select(Path.GetFileName).Order());
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["piano", "flute"], lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("music").GetProperty("caption").GetString()));
    }

    [Fact]
    public async Task Chat_Commands_UndoSaveLoadReset()
    {
        string file = Target("talk.json");
        CliRun run = await CliRun.OfAsync(
            ["chat", "-o", _folder, "-d", "0.3", "-q"],
            $"piano\nflute\n/undo\n/save {file}\n/reset\n/turns\n/load {file}\n/turns\n/undo\n/undo\n/help\n/quit\nnot read\n");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(["music-1.wav", "music-2.wav", "talk.json", "talk.json.wav"], Directory.GetFiles(_folder).Select(Path.GetFileName).Order());
        string[] lines = run.Output.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(
            ["The last turn is taken back.", "Saved 1 turns.", "Forgotten.", "Read 1 turns.", "> piano", "♪ 0.30 s", "The last turn is taken back.", "There is no turn to take back."],
            lines[2..10]);
        Assert.Contains("/video", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Music = ", await File.ReadAllTextAsync(file), StringComparison.Ordinal);

        // The music beside the words is the clip itself and not what 16 bits left of it.
        AudioClip saved = await AudioClip.LoadAsync($"{file}.wav");
        AudioClip rounded = await AudioClip.LoadAsync(Target("music-1.wav"));
        Assert.Equal(rounded.Samples.Length, saved.Samples.Length);
        Assert.NotEqual(rounded.Samples.ToArray(), saved.Samples.ToArray());
    }

    [Fact]
    public async Task Chat_AFailedLine_IsSaidAndTheNextOneRuns()
    {
        CliRun run = await CliRun.OfAsync(
            ["chat", "-o", _folder, "-d", "0.3", "-q"],
            "/sing\n/audio\n/image no-such.png\n/load no-such.json\npiano\n");
        Assert.Equal(1, run.Code);
        string[] errors = run.Error.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, errors.Length);
        Assert.Contains("'/sing'", errors[0], StringComparison.Ordinal);
        Assert.Contains("no-such.png", errors[2], StringComparison.Ordinal);
        Assert.True(File.Exists(Target("music-1.wav")));
    }

    [Fact]
    public async Task Chat_FailedLineWithJson_IsOneObject()
    {
        CliRun run = await CliRun.OfAsync(["chat", "-o", _folder, "-d", "10h", "--json"], "");
        Assert.Equal(2, run.Code);
        CliRun turn = await CliRun.OfAsync(["chat", "-o", _folder, "-d", "0.3", "--json"], "/sing\npiano\n");
        string[] lines = turn.Output.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Equal("usage", JsonDocument.Parse(lines[0]).RootElement.GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("edit", "Louder", "--audio", "WithMelody")]
    [InlineData("generate", "Louder", "--video", "look at pictures and films")]
    [InlineData("caption", "What?", "--audio", "no language model")]
    public async Task MediaWithoutALanguageModel_AreRefusedBeforeTheFileIsRead(string command, string words, string medium, string says)
    {
        string[] output = command == "caption" ? [] : ["-o", Target("a.wav")];
        CliRun run = await CliRun.OfAsync([command, words, medium, "no-such-file.wav", .. output]);
        Assert.Equal(1, run.Code);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task Bench_Json_HasTheMusicNumbers()
    {
        CliRun run = await CliRun.OfAsync("bench -d 0.5 -n 3 --batch 2 --json");
        Assert.Equal(0, run.Code);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement music = json.RootElement.GetProperty("music");
        Assert.All(["decoder_steps_per_second", "encodec_times_real_time", "time_to_first_audio_seconds", "seconds_of_music"], name => Assert.True(music.GetProperty(name).GetDouble() > 0, name));
        Assert.Equal(2, music.GetProperty("batch").GetProperty("pieces").GetInt32());
        Assert.All(["total_steps_per_second", "pieces_per_second"], name => Assert.True(music.GetProperty("batch").GetProperty(name).GetDouble() > 0, name));
        Assert.Equal(0, music.GetProperty("allocated_bytes_per_step").GetDouble());
        Assert.True(json.RootElement.GetProperty("peak_resident_bytes").GetInt64() > 0);
        if (OperatingSystem.IsLinux())
        {
            Assert.All(["loading_peak_anonymous_bytes", "loading_peak_mapped_bytes"], name => Assert.True(json.RootElement.GetProperty(name).GetInt64() > 0, name));
        }
    }

    [Fact]
    public async Task VerifyAndInspect_MiniBundle_AreMounted()
    {
        Assert.Equal(0, (await CliRun.OfAsync($"verify {MiniModel.BundlePath}")).Code);
        CliRun inspect = await CliRun.OfAsync($"inspect {MiniModel.BundlePath} --json");
        Assert.Equal("bundle", JsonDocument.Parse(inspect.Output).RootElement.GetProperty("kind").GetString());
        Assert.Equal(1, (await CliRun.OfAsync("verify no-such-folder")).Code);
        Assert.Equal(2, (await CliRun.OfAsync("export")).Code);
    }

    private string Target(string name) => Path.Combine(_folder, name);

    private sealed class CancellingWriter(string word, CancellationTokenSource source) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.Contains(word, StringComparison.Ordinal) == true)
            {
                source.Cancel();
            }
        }
    }
}
