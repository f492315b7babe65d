using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>plan: what a request will take of memory, before anything is loaded.</summary>
internal static class PlanCommand
{
    /// <summary>Creates the command.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        MemoryPlanOptions none = MemoryPlanOptions.Default;
        Option<TimeSpan?> duration = new("--duration", "-d") { Description = "Length of the music. Default: 10 s.", HelpName = "time", CustomParser = DurationParser.Parse };
        Option<int> prompt = Count("--prompt-tokens", "Tokens that the language model reads.", none.PromptTokens);
        Option<int> tokens = Count("--new-tokens", "Tokens that the language model writes.", none.NewTokens);
        Option<int> caption = Count("--caption-tokens", "Tokens that the music is made from.", none.CaptionTokens);
        Option<double?> audio = new("--audio-seconds") { Description = "Seconds of sound that are listened to.", HelpName = "number", CustomParser = NumberParser.Parse<double> };
        Option<bool> image = new("--image") { Description = "A picture is looked at." };
        Option<bool> video = new("--video") { Description = "A film is looked at." };
        Option<bool> answer = new("--answer-only") { Description = "No music is made." };
        Option<bool> stages = new("--one-stage-at-a-time") { Description = "Components are unloaded behind every stage." };
        Command command = new("plan", "Predict what a request takes of memory, stage by stage, from the bundle's manifest and graphs alone.") { duration, prompt, tokens, caption, audio, image, video, answer, stages };
        BundleSwitches bundle = new(command, hasBudget: true);
        command.SetAction(parsed =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            MemoryPlan plan = MemoryPlan.For(bundle.Locate(parsed), new MemoryPlanOptions
            {
                PromptTokens = parsed.GetValue(prompt),
                NewTokens = parsed.GetValue(tokens),
                CaptionTokens = parsed.GetValue(caption),
                Music = parsed.GetValue(answer) ? null : new MusicOptions { Duration = parsed.GetValue(duration) },
                AudioDuration = parsed.GetValue(audio) is double seconds ? Seconds(seconds) : null,
                HasImage = parsed.GetValue(image),
                HasVideo = parsed.GetValue(video),
                Memory = parsed.GetValue(stages) ? MemoryPolicy.OneStageAtATime : MemoryPolicy.KeepLoaded,
                Budget = bundle.Budget(parsed),
            });
            terminal.WriteJson(Json(plan));
            Write(terminal, plan);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>The plan as JSON, sizes in bytes.</summary>
    internal static JsonObject Json(MemoryPlan plan) => new()
    {
        ["peak_bytes"] = plan.PeakBytes,
        ["peak_stage"] = plan.Peak.Stage.ToString(),
        ["peak_mapped_bytes"] = plan.PeakMappedBytes,
        ["base_bytes"] = plan.BaseBytes,
        ["budget_bytes"] = plan.BudgetBytes,
        ["steps"] = new JsonArray([.. plan.Steps.Select(step => new JsonObject
        {
            ["stage"] = step.Stage.ToString(),
            ["components"] = Names(step.Components),
            ["loads"] = Names(step.Loads),
            ["unloads"] = Names(step.Unloads),
            ["anonymous_bytes"] = step.AnonymousBytes,
            ["mapped_bytes"] = step.MappedBytes,
        })]),
    };

    private static void Write(Terminal terminal, MemoryPlan plan)
    {
        terminal.WriteLine($"{"stage",-10}{"anonymous",12}{"mapped",12}  components");
        terminal.WriteLine($"{"",-10}{Megabytes(plan.BaseBytes),12}{"",12}  the process, nothing loaded");
        foreach (MemoryPlanStep step in plan.Steps)
        {
            string parts = string.Join(", ", step.Components.Select(component => step.Loads.Contains(component) ? $"+{component}" : component).Concat(step.Unloads.Select(component => $"-{component}")));
            terminal.WriteLine($"{step.Stage,-10}{Megabytes(step.AnonymousBytes),12}{Megabytes(step.MappedBytes),12}  {parts}");
        }

        string budget = plan.BudgetBytes is { } bytes ? $"; budget {Megabytes(bytes)}{(plan.Unloads ? ", kept by unloading (-)" : ", everything stays loaded")}" : "";
        terminal.WriteLine($"Peak {Megabytes(plan.PeakBytes)} in stage {plan.Peak.Stage}, and up to {Megabytes(plan.PeakMappedBytes)} of mapped files{budget}.");
    }

    private static JsonArray Names(IReadOnlyList<string> names) => new([.. names.Select(name => JsonValue.Create(name))]);

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0} MB");

    private static TimeSpan Seconds(double seconds) => seconds is > 0 and <= 3_600_000
        ? TimeSpan.FromSeconds(seconds)
        : throw new ArgumentException("--audio-seconds must be above 0, to 3600000.");

    private static Option<int> Count(string name, string description, int value) =>
        new(name) { Description = description, CustomParser = NumberParser.ParseCount, DefaultValueFactory = _ => value };
}
