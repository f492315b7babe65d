using System.Globalization;

namespace M2UGen.Export.Commands;

/// <summary>Writes the progress of an export or a check: a line that is overwritten on a terminal, a line an item elsewhere.</summary>
internal sealed class ProgressLines(TextWriter output, bool isTerminal) : IProgress<ExportProgress>, IProgress<(string File, long BytesDone, long BytesTotal)>, IDisposable
{
    private readonly Lock _lock = new();
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

            string stage = value.Stage switch
            {
                ExportStage.Hash => "checksum",
                ExportStage.Write => "writing",
                ExportStage.Calibrate => "measuring the cache of",
                _ => "finishing",
            };
            string line = isTerminal && value.BytesTotal > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{stage} {CommandRun.Printable(value.Item)}: {value.BytesDone * 100.0 / value.BytesTotal:0} % of {value.BytesTotal / 1e6:0.0} MB")
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

    /// <summary>Ends the overwritten line.</summary>
    public void Dispose()
    {
        if (isTerminal && _length > 0)
        {
            output.WriteLine();
        }
    }
}
