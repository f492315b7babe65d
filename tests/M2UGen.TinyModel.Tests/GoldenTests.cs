using M2UGen.Parity;
using M2UGen.Parity.Kinds;
using M2UGen.Sdk;
using M2UGen.Testing;
using Xunit.Abstractions;

namespace M2UGen.TinyModel.Tests;

/// <summary>The golden cases copied into the repository, run by the parity runner in this process: one test a case.</summary>
public sealed class GoldenTests(GoldenTests.Runner runner, ITestOutputHelper output) : IClassFixture<GoldenTests.Runner>
{
    private static readonly string Goldens = Path.Combine(Repository.Root, "tests", "TestData", "goldens");

    private const string NeedsFFmpeg = "media-audio";

    /// <summary>Every folder below tests/TestData/goldens that holds a case.json and needs no other program, by its path from there.</summary>
    public static TheoryData<string> Cases =>
        [.. ParityRunner.FindCases(Goldens).Select(folder => Path.GetRelativePath(Goldens, folder)).Where(folder => folder != NeedsFFmpeg)];

    [FFmpegFact]
    public void RunCase_SoundOfEveryFormat_NothingFails() => RunCase_CopiedGolden_NothingFails(NeedsFFmpeg);

    [Theory]
    [MemberData(nameof(Cases))]
    public void RunCase_CopiedGolden_NothingFails(string folder) => Judge(runner.Run(Path.Combine(Goldens, folder)));

    [Theory]
    [InlineData("m2ugen-parts")]
    [InlineData("m2ugen-answers")]
    [InlineData("musicgen-melody")]
    [InlineData("musicgen-stereo")]
    public void RunCase_InFloat16_NothingFails(string folder) => Judge(runner.RunInFloat16(Path.Combine(Goldens, folder)));

    private void Judge(ParityReport report)
    {
        using StringWriter text = new();
        ResultWriter.WriteCase(text, report);
        output.WriteLine(text.ToString());
        Assert.True(report.Failed == 0, string.Join('\n', report.Results.Where(r => r.Verdict == Verdict.Failed).Select(r => $"{r.Name}: {r.Detail}")));

        // A case whose kind can be run must have compared something: all skipped would look like success.
        bool isRun = Registry.Find(report.Kind) is not null && !report.IsFilesOnly;
        Assert.True(!isRun || report.Passed > 0, "Nothing was compared.");
    }

    [Fact]
    public void Cases_CopiedGoldens_CoverTheKindsThatCanBeRun()
    {
        using ExportCache exports = new();
        HashSet<string> kinds = [];
        foreach (string folder in ParityRunner.FindCases(Goldens))
        {
            using ParityCase c = new(folder, new ParityOptions(), exports);
            kinds.Add(c.Kind);
        }

        // The other musicgen kinds need the checkpoint of musicgen-small, which is too large to copy; melody and stereo take its place.
        Assert.Superset(
            new HashSet<string> { "checkpoint-files", "m2ugen", "tokenizer-llama", "tokenizer-t5", "sampling", "musicgen-delay", "musicgen-sampling", "musicgen-melody", "musicgen-stereo", "media-audio", "media-resample" },
            kinds);
    }

    /// <summary>One runner for all cases, so that each checkpoint is exported once.</summary>
    public sealed class Runner : IDisposable
    {
        private readonly ParityRunner runner = new(new ParityOptions());
        private readonly ParityRunner halfRunner = new(new ParityOptions { Precision = Precision.Float16 });

        internal ParityReport RunInFloat16(string folder) => halfRunner.RunCase(folder, CancellationToken.None)!;

        internal ParityReport Run(string folder) => runner.RunCase(folder, CancellationToken.None)!;

        /// <inheritdoc/>
        public void Dispose()
        {
            runner.Dispose();
            halfRunner.Dispose();
        }
    }
}
