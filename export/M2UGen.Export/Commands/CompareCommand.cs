using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using M2UGen.Export.Comparison;

namespace M2UGen.Export.Commands;

/// <summary><c>compare</c>: what a precision costs, measured against another export of the same checkpoint.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        Argument<string> reference = new("reference") { Description = "The bundle that is right: exported in float32." };
        Argument<string> other = new("other") { Description = "The bundle that is judged: another export of the same checkpoint." };
        Option<string[]> prompts = new("--prompt") { Description = "An instruction or caption to compare over; may be given several times. Default: three." };
        Option<int> tokens = Count("--tokens", "Tokens of each answer.", new ComparisonOptions().Tokens);
        Option<int> steps = Count("--steps", "Decoder steps of each piece of music; 50 are a second.", new ComparisonOptions().Steps);
        Option<ulong> seed = new("--seed") { Description = "Start of the random sequences.", DefaultValueFactory = _ => 0 };
        Option<int> threads = Count("--threads", "Threads of one operator; 0 is one a core.", 0);
        Option<bool> json = CommandRun.JsonOption();
        Command command = new("compare", "Measure how far a bundle's answers and music are from those of another export of its checkpoint.") { reference, other, prompts, tokens, steps, seed, threads, json };
        command.SetAction((result, cancellationToken) =>
        {
            ComparisonOptions options = new()
            {
                Tokens = Math.Max(1, result.GetValue(tokens)),
                Steps = Math.Max(1, result.GetValue(steps)),
                Seed = result.GetValue(seed),
                Threads = result.GetValue(threads),
            };
            if (result.GetValue(prompts) is { Length: > 0 } given)
            {
                options = options with { Prompts = given };
            }

            bool asJson = result.GetValue(json);
            return CommandRun.GuardAsync(result, asJson, async writer =>
            {
                BundleComparison comparison = await Task.Run(() => BundleComparison.Run(result.GetRequiredValue(reference), result.GetRequiredValue(other), options, cancellationToken), cancellationToken).ConfigureAwait(false);
                if (asJson)
                {
                    CommandRun.WriteJson(writer, document => ComparisonWriter.WriteJson(document, comparison));
                }
                else
                {
                    ComparisonWriter.WriteText(writer, comparison);
                }

                return ExporterCommands.Success;
            }, cancellationToken);
        });
        return command;
    }

    private static Option<int> Count(string name, string description, int value) => new(name) { Description = description, CustomParser = ParseCount, DefaultValueFactory = _ => value };

    private static int ParseCount(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            result.AddError($"'{text}' is no whole number.");
        }

        return count;
    }
}
