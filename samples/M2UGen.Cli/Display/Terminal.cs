using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace M2UGen.Cli.Display;

/// <summary>Where results and progress go: results to standard output, all else to standard error, so that output can be piped.</summary>
internal sealed class Terminal(TextWriter output, TextWriter error, bool json, bool quiet)
{
    /// <summary>Readable JSON: texts stay as they are instead of being escaped for web pages.</summary>
    public static JsonSerializerOptions JsonStyle { get; } = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonSerializerOptions JsonLineStyle = new(JsonStyle) { WriteIndented = false };

    /// <summary>Results are one JSON object on standard output.</summary>
    public bool IsJson => json;

    /// <summary>A text without what could steer a terminal: answers and messages may quote a stranger's file.</summary>
    public static string Printable(string text) =>
        text.Any(IsControl) ? string.Concat(text.Select(c => IsControl(c) ? '\uFFFD' : c)) : text;

    /// <summary>Writes a result as text; nothing where the result is JSON.</summary>
    public void WriteLine(string text)
    {
        if (!json)
        {
            output.WriteLine(Printable(text));
        }
    }

    /// <summary>Writes a piece of text at once, without a line end; nothing where the result is JSON.</summary>
    public void Write(string text)
    {
        if (!json)
        {
            output.Write(Printable(text));
            output.Flush();
        }
    }

    /// <summary>Writes a remark beside the result; nothing in quiet or JSON mode.</summary>
    public void Note(string text)
    {
        if (!json && !quiet)
        {
            error.WriteLine(text);
        }
    }

    /// <summary>Says what went wrong, and goes on: an object on standard output in JSON mode, else a line on standard error.</summary>
    public void Fail(string kind, string message)
    {
        if (json)
        {
            WriteJson(new JsonObject { ["error"] = kind, ["message"] = message }, onOneLine: true);
        }
        else
        {
            error.WriteLine(Printable(message));
        }
    }

    /// <summary>Writes the result as JSON; nothing where it is text.</summary>
    public void WriteJson(JsonNode node, bool onOneLine = false)
    {
        if (json)
        {
            output.WriteLine(node.ToJsonString(onOneLine ? JsonLineStyle : JsonStyle));
        }
    }

    /// <summary>Runs work under a progress display: bars where standard error is a terminal, one line a stage elsewhere, nothing in quiet or JSON mode.</summary>
    public async Task<T> WithProgressAsync<T>(Func<IStageDisplay, Task<T>> work)
    {
        if (json || quiet)
        {
            return await work(new SilentStages());
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        if (!console.Profile.Capabilities.Interactive || !console.Profile.Out.IsTerminal)
        {
            return await work(new LineStages(error));
        }

        return await console.Progress()
            .AutoClear(true)
            .HideCompleted(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new SpinnerColumn())
            .StartAsync(context => work(new BarStages(context)));
    }

    private static bool IsControl(char c) => char.IsControl(c) && c is not ('\n' or '\r' or '\t');

    private sealed class SilentStages : IStageDisplay
    {
        public void Show(string stage, double completed, double total)
        {
        }
    }

    private sealed class LineStages(TextWriter error) : IStageDisplay
    {
        private readonly long _start = Stopwatch.GetTimestamp();
        private readonly HashSet<string> _seen = [];

        public void Show(string stage, double completed, double total)
        {
            lock (_seen)
            {
                if (_seen.Add(stage))
                {
                    error.WriteLine(FormattableString.Invariant($"[{Stopwatch.GetElapsedTime(_start).TotalSeconds,6:0.0} s] {stage}"));
                }
            }
        }
    }

    private sealed class BarStages(ProgressContext context) : IStageDisplay
    {
        private readonly Dictionary<string, ProgressTask> _tasks = [];

        public void Show(string stage, double completed, double total)
        {
            lock (_tasks)
            {
                if (!_tasks.TryGetValue(stage, out ProgressTask? task))
                {
                    task = context.AddTask(Markup.Escape(stage));
                    _tasks.Add(stage, task);
                }

                task.MaxValue = Math.Max(total, 1e-9);
                task.Value = completed;
            }
        }
    }
}

/// <summary>Shows how far the stages of a command have come. Thread-safe.</summary>
internal interface IStageDisplay
{
    /// <summary>Shows a stage, for the first time or further on.</summary>
    void Show(string stage, double completed, double total);
}
