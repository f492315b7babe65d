using System.Text.Json;
using M2UGen.Cli.Switches;

namespace M2UGen.TinyModel.Tests.Cli;

/// <summary>'plan' over the model that comes with the program.</summary>
public sealed class PlanCommandTests
{
    [Fact]
    public async Task Plan_AsText_ShowsEveryStepAndThePeak()
    {
        CliRun run = await CliRun.OfAsync("plan -d 5");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("+musicgen-decoder", run.Output, StringComparison.Ordinal);
        Assert.Contains("Peak ", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plan_AsJson_CarriesBytesOfEveryStep()
    {
        CliRun run = await CliRun.OfAsync("plan -d 5 --budget 4GB --json");
        Assert.Equal(0, run.Code);
        JsonElement plan = JsonDocument.Parse(run.Output).RootElement;
        JsonElement[] steps = [.. plan.GetProperty("steps").EnumerateArray()];
        Assert.Equal(4_000_000_000, plan.GetProperty("budget_bytes").GetInt64());
        Assert.Equal("Music", plan.GetProperty("peak_stage").GetString());
        Assert.Equal(plan.GetProperty("peak_bytes").GetInt64(), steps.Max(step => step.GetProperty("anonymous_bytes").GetInt64()));
        Assert.Equal(["t5"], steps[0].GetProperty("loads").EnumerateArray().Select(name => name.GetString()));
        Assert.All(steps, step => Assert.Equal(0, step.GetProperty("unloads").GetArrayLength()));
    }

    [Fact]
    public async Task Plan_BudgetTooSmall_EndsWith1AndTheNumbers()
    {
        CliRun run = await CliRun.OfAsync("plan --budget 1MB");
        Assert.Equal(1, run.Code);
        Assert.Contains("the budget is 1 MB", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plan --budget much")]
    [InlineData("plan --audio-seconds 0")]
    [InlineData("plan --new-tokens 0")]
    public async Task Plan_ImpossibleNumber_EndsWith2(string line) => Assert.Equal(2, (await CliRun.OfAsync(line)).Code);

    [Theory]
    [InlineData("4GB", 4_000_000_000)]
    [InlineData("1.5 gb", 1_500_000_000)]
    [InlineData("2GiB", 2L << 30)]
    [InlineData("700M", 700_000_000)]
    [InlineData("12345", 12345)]
    public void ByteSize_AsPeopleWriteIt_IsUnderstood(string text, long bytes)
    {
        Assert.True(ByteSizeParser.TryParse(text, out long found));
        Assert.Equal(bytes, found);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GB")]
    [InlineData("0")]
    [InlineData("-1GB")]
    [InlineData("4 boxes")]
    public void ByteSize_AnythingElse_IsNone(string text) => Assert.False(ByteSizeParser.TryParse(text, out _));
}
