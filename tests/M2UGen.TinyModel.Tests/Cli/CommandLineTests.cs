using System.Text.Json;
using M2UGen.Cli;
using M2UGen.Cli.Switches;

namespace M2UGen.TinyModel.Tests.Cli;

/// <summary>Exit codes and messages that need no model.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("")]
    [InlineData("sing")]
    [InlineData("ask")]
    [InlineData("generate x --duration never")]
    [InlineData("generate x --top-k many")]
    [InlineData("generate x --fidelity perfect")]
    [InlineData("generate x --duration 3 --max-new-tokens 40")]
    [InlineData("generate x --scheduler magic")]
    [InlineData("generate x --quality best")]
    [InlineData("generate x --steps few")]
    [InlineData("generate x --output - --json")]
    [InlineData("bench --repeat 0")]
    [InlineData("edit Louder")]
    [InlineData("edit --audio x.wav")]
    [InlineData("caption")]
    [InlineData("ask why --prompt why")]
    [InlineData("generate x --knn-index a --knn-size many")]
    [InlineData("generate x --cuda 0 --directml 0")]
    public async Task RunAsync_WrongUsage_EndsWith2AndSaysWhy(string line)
    {
        CliRun run = await CliRun.OfAsync(line);
        Assert.Equal(2, run.Code);
        Assert.NotEmpty((run.Error + run.Output).Trim());
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("generate x --seed lucky", "'lucky'", "--seed", "18446744073709551615")]
    [InlineData("generate x -s -1", "'-1'", "-s", "whole number")]
    [InlineData("generate x --temperature warm", "'warm'", "--temperature", "such as 0.8")]
    [InlineData("ask x --threads 2.5", "'2.5'", "--threads", "whole number")]
    [InlineData("bench --repeat thrice", "'thrice'", "--repeat", "whole number")]
    public async Task RunAsync_NumberThatIsNone_SaysWhatItMayBe(string line, string value, string option, string expected)
    {
        CliRun run = await CliRun.OfAsync(line);
        Assert.Equal(2, run.Code);
        Assert.All([value, option, expected], part => Assert.Contains(part, run.Error, StringComparison.Ordinal));
        Assert.DoesNotContain("System.", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("generate x --foo bar", "'--foo'")]
    [InlineData("generate x --foo=bar", "'--foo=bar'")]
    [InlineData("ask --max-token 5 x", "'--max-token'")]
    [InlineData("ask -x", "'-x'")]
    public async Task RunAsync_MistypedSwitch_IsNotTakenForWords(string line, string says)
    {
        CliRun run = await CliRun.OfAsync(line);
        Assert.Equal(2, run.Code);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("generate x --seed")]
    [InlineData("generate x --duration")]
    [InlineData("bench --repeat")]
    public async Task RunAsync_OptionWithoutItsValue_EndsWith2(string line)
    {
        CliRun run = await CliRun.OfAsync(line);
        Assert.Equal(2, run.Code);
        Assert.DoesNotContain("Unexpected", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("generate --help")]
    [InlineData("ask -h")]
    [InlineData("edit --help")]
    [InlineData("caption --help")]
    [InlineData("chat --help")]
    [InlineData("--version")]
    public async Task RunAsync_Help_EndsWith0(string line)
    {
        CliRun run = await CliRun.OfAsync(line);
        Assert.Equal(0, run.Code);
        Assert.NotEmpty(run.Output);
    }

    [Theory]
    [InlineData("generate x --bundle no-such-folder")]
    [InlineData("ask x --bundle no-such-folder")]
    [InlineData("chat --bundle no-such-folder")]
    [InlineData("bench --bundle no-such-folder")]
    [InlineData("generate x --output no-such-folder/x.wav")]
    public async Task RunAsync_MissingPath_EndsWith1AndNamesIt(string line)
    {
        CliRun run = await CliRun.OfAsync(line);
        Assert.Equal(1, run.Code);
        Assert.Contains("no-such-folder", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ask")]
    [InlineData("generate")]
    [InlineData("edit")]
    [InlineData("caption")]
    public async Task Help_NamesTheSwitchesOfTheReferencesProgramToo(string command)
    {
        CliRun run = await CliRun.OfAsync([command, "--help"]);
        Assert.All(
            ["--prompt", "--audio", "--audio_file", "--image", "--image_file", "--video", "--video_file", "--knn_dir", "--model"],
            name => Assert.Contains(name, run.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task RunAsync_CheckpointAsModel_SaysHowItBecomesABundle()
    {
        string path = Path.GetTempFileName();
        try
        {
            CliRun run = await CliRun.OfAsync(["ask", "--prompt", "why?", "--model", path]);
            Assert.Equal(2, run.Code);
            Assert.Contains("export --model", run.Error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task RunAsync_FailureWithJson_IsOneObject()
    {
        CliRun run = await CliRun.OfAsync("generate x --json --bundle no-such-folder");
        Assert.Equal(1, run.Code);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal("ModelBundleException", json.RootElement.GetProperty("error").GetString());
        Assert.Contains("no-such-folder", json.RootElement.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_MessageWithEscapes_CannotSteerTheTerminal()
    {
        CliRun run = await CliRun.OfAsync("generate x --bundle no\u001b[2Jfolder");
        Assert.Contains("no\uFFFD[2Jfolder", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("12", 12)]
    [InlineData("12.5s", 12.5)]
    [InlineData("2m", 120)]
    [InlineData("10h", 36000)]
    [InlineData("1:30", 90)]
    [InlineData("1:00:00", 3600)]
    [InlineData("-1", -1)]
    public void TryParse_Duration_GivesSeconds(string text, double seconds)
    {
        Assert.True(DurationParser.TryParse(text, out TimeSpan duration));
        Assert.Equal(seconds, duration.TotalSeconds, 6);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("1:x")]
    [InlineData("1:-2")]
    [InlineData("1e300")]
    [InlineData("NaN")]
    public void TryParse_NoDuration_SaysNo(string text) => Assert.False(DurationParser.TryParse(text, out _));
}
