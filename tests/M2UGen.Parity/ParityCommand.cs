using System.CommandLine;
using M2UGen.Parity.Speed;
using M2UGen.Sdk;

namespace M2UGen.Parity;

/// <summary>The command line: <c>&lt;folder&gt;… [--kind K] [--json FILE] [--llama-vocabulary FILE] [--precision float16]</c>.</summary>
internal static class ParityCommand
{
    /// <returns>0 when nothing failed, 1 when something did, 2 for a command line that cannot be understood.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        Argument<string[]> folders = new("folder")
        {
            Description = "Folders to walk for case.json; a folder may itself be a case.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string[]> kinds = new("--kind")
        {
            Description = "Only cases of this kind; '*' stands for any characters; may be given several times.",
        };
        Option<string?> json = new("--json") { Description = "Also write every result to this file, as JSON." };
        Option<string?> vocabulary = new("--llama-vocabulary")
        {
            Description = "The file that a tokenizer-llama-real case tells how to obtain.",
        };

        Option<string> precision = new("--precision")
        {
            Description = "In what the graphs compute. float16 is measured with 5 % of a tensor's largest value, and codes and neighbours that it chooses otherwise are counted as skipped.",
            DefaultValueFactory = _ => "float32",
        };
        precision.AcceptOnlyFromAmong("float32", "float16");

        RootCommand root = new("Runs golden cases through the exporter and the SDK and compares what comes out.")
        {
            folders, kinds, json, vocabulary, precision, UNetSpeedCommand.Create(),
        };
        root.SetAction((result, cancellation) =>
        {
            ParityOptions options = new()
            {
                Folders = result.GetValue(folders) ?? [],
                Kinds = result.GetValue(kinds) ?? [],
                LlamaVocabulary = result.GetValue(vocabulary),
                Precision = Enum.Parse<Precision>(result.GetValue(precision)!, ignoreCase: true),
            };
            return Task.FromResult(Run(options, result.GetValue(json), cancellation));
        });

        ParseResult parsed = root.Parse(arguments);
        int exit = await parsed.InvokeAsync().ConfigureAwait(false);
        return parsed.Errors.Count > 0 ? 2 : exit;
    }

    private static int Run(ParityOptions options, string? json, CancellationToken cancellationToken)
    {
        using ParityRunner runner = new(options);
        IReadOnlyList<ParityReport> reports = runner.Run(Console.Out, cancellationToken);
        if (json is not null)
        {
            using FileStream file = File.Create(json);
            ResultWriter.WriteJson(file, reports);
        }

        ResultWriter.WriteSummary(Console.Out, reports);
        return reports.Any(r => r.Failed > 0) ? 1 : 0;
    }
}
