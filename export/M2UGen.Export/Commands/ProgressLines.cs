using System.Globalization;

namespace M2UGen.Export.Commands;

/// <summary>Writes the progress of an export or a check, with bytes and the time left: a line that is overwritten on a terminal, a line an item elsewhere.</summary>
/// <param name="output">Where to.</param>
/// <param name="isTerminal">Whether lines can be overwritten.</param>
/// <param name="time">The clock; null for the system's.</param>
internal sealed class ProgressLines(TextWriter output, bool isTerminal, TimeProvider? time = null) : IProgress<ExportProgress>, IProgress<(string File, long BytesDone, long BytesTotal)>, IDisposable
{
    // Before that the rate is a guess: the first tensors are small.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(3);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _lock = new();
    private ExportStage? _stage;
    private long _stageStart;
    private string _last = "";
    private int _length;

    /// <summary>Whether lines written to <paramref name="output"/> can be overwritten.</summary>
    public static bool IsTerminal(TextWriter output) => ReferenceEquals(output, Console.Error) && !Console.IsErrorRedirected;

    /// <summary>Progress for people alone: null where nobody is looking.</summary>
    public static ProgressLines? OnTerminal(TextWriter output) => IsTerminal(output) ? new ProgressLines(output, isTerminal: true) : null;

    public void Report((string File, long BytesDone, long BytesTotal) value) => Report(new ExportProgress(ExportStage.Hash, value.File, value.BytesDone, value.BytesTotal));

    public void Report(ExportProgress value)
    {
        lock (_lock)
        {
            if (value.Stage == ExportStage.Check)
            {
                output.WriteLine($"note: {value.Item}");
                return;
            }

            if (_stage != value.Stage)
            {
                _stage = value.Stage;
                _stageStart = _time.GetTimestamp();
            }

            string stage = value.Stage switch
            {
                ExportStage.Hash => "checksum",
                ExportStage.Write => "writing",
                ExportStage.Calibrate => "measuring the cache of",
                ExportStage.Probe => "probing",
                _ => "finishing",
            };
            string line = isTerminal && value.BytesTotal > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{stage} {CommandRun.Printable(value.Item)}: {value.BytesDone * 100.0 / value.BytesTotal:0} % of {value.BytesTotal / 1e6:0.0} MB{Left(value)}")
                : $"{stage} {CommandRun.Printable(value.Item)}";
            if (line == _last)
            {
                return;
            }

            _last = line;
            if (isTerminal)
            {
                output.Write($"\r{line.PadRight(_length)}");
                _length = line.Length;
            }
            else
            {
                output.WriteLine(line);
            }
        }
    }

    /// <summary>The time that the stage's rest takes at the rate so far, whole seconds; nothing as long as that is a guess.</summary>
    private string Left(ExportProgress value)
    {
        TimeSpan elapsed = _time.GetElapsedTime(_stageStart);
        if (elapsed < Settled || value.BytesDone <= 0 || value.BytesDone >= value.BytesTotal)
        {
            return "";
        }

        TimeSpan left = TimeSpan.FromSeconds(Math.Ceiling(elapsed.TotalSeconds * (value.BytesTotal - value.BytesDone) / value.BytesDone));
        return string.Create(CultureInfo.InvariantCulture, $", {(int)left.TotalMinutes}:{left.Seconds:00} left");
    }

    /// <summary>Ends the overwritten line.</summary>
    public void Dispose()
    {
        if (isTerminal && _length > 0)
        {
            output.WriteLine();
        }
    }
}
