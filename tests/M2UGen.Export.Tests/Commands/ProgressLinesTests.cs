using M2UGen.Export.Commands;

namespace M2UGen.Export.Tests.Commands;

/// <summary>What a terminal shows while an export runs.</summary>
public sealed class ProgressLinesTests
{
    [Fact]
    public void Report_OnATerminal_TellsBytesAndTimeLeftAtTheStagesOwnRate()
    {
        using StringWriter output = new();
        Clock clock = new();
        using ProgressLines lines = new(output, isTerminal: true, clock);

        lines.Report(new ExportProgress(ExportStage.Hash, "checkpoint.pth", 0, 1_000_000_000));
        clock.Now += TimeSpan.FromSeconds(50);
        lines.Report(new ExportProgress(ExportStage.Write, "llama", 0, 4_000_000_000));
        clock.Now += TimeSpan.FromSeconds(2);
        lines.Report(new ExportProgress(ExportStage.Write, "llama", 100_000_000, 4_000_000_000));
        clock.Now += TimeSpan.FromSeconds(18);
        lines.Report(new ExportProgress(ExportStage.Write, "llama", 1_000_000_000, 4_000_000_000));
        clock.Now += TimeSpan.FromSeconds(62);
        lines.Report(new ExportProgress(ExportStage.Write, "llama", 4_000_000_000, 4_000_000_000));

        Assert.Equal(
            [
                "checksum checkpoint.pth: 0 % of 1000.0 MB",
                "writing llama: 0 % of 4000.0 MB",
                "writing llama: 3 % of 4000.0 MB",
                "writing llama: 25 % of 4000.0 MB, 1:00 left",
                "writing llama: 100 % of 4000.0 MB",
            ],
            output.ToString().Split('\r', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()));
    }

    [Fact]
    public void Report_ElsewhereThanOnATerminal_WritesALineAnItem()
    {
        using StringWriter output = new();
        using ProgressLines lines = new(output, isTerminal: false);

        lines.Report(new ExportProgress(ExportStage.Write, "llama", 1, 9));
        lines.Report(new ExportProgress(ExportStage.Write, "llama", 5, 9));
        lines.Report(new ExportProgress(ExportStage.Write, "t5", 6, 9));

        Assert.Equal(["writing llama", "writing t5"], output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
