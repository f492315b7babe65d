using M2UGen.TinyModel.Tests.Pipeline;

namespace M2UGen.TinyModel.Tests.Cli;

/// <summary>The program with a bundle that talks and makes no music.</summary>
public sealed class LanguageOnlyCommandTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    [Fact]
    public async Task Generate_BundleWithoutDecoder_FailsBeforeTheAnswerIsWritten()
    {
        CliRun run = await CliRun.OfAsync($"generate Generate_calm_jazz --bundle {tiny.LanguageOnlyPath} -o never-written.wav");
        Assert.Equal(1, run.Code);
        Assert.Contains("makes no music", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Writing the answer", run.Error, StringComparison.Ordinal);
    }
}
