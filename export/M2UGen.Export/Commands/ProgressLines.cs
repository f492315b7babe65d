using System.Globalization;

namespace M2UGen.Export.Commands;

/// <summary>Writes an export's progress: a line that is overwritten on a terminal, a line an item elsewhere.</summary>
internal sealed class ProgressLines(TextWriter output, bool isTerminal) : IProgress<ExportProgress>
{
    private readonly Lock _lock = new();
    private string _last = "";
    private int _length;

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
    public void Finish()
    {
        if (isTerminal && _length > 0)
        {
            output.WriteLine();
        }
    }
}
