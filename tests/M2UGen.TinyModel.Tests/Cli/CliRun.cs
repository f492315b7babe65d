using M2UGen.Cli;

namespace M2UGen.TinyModel.Tests.Cli;

/// <summary>One run of the command line program in this process.</summary>
internal sealed record CliRun(int Code, string Output, string Error)
{
    /// <summary>Runs a line, split at spaces; '_' stands for a space inside a word.</summary>
    public static Task<CliRun> OfAsync(string line, string input = "", CancellationToken cancellationToken = default) =>
        OfAsync([.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(a => a.Replace('_', ' '))], input, cancellationToken);

    /// <summary>Runs a command line as a shell has split it.</summary>
    public static async Task<CliRun> OfAsync(string[] args, string input = "", CancellationToken cancellationToken = default)
    {
        using StringReader reader = new(input);
        using StringWriter output = new();
        using StringWriter error = new();
        int code = await CommandLine.RunAsync(args, reader, output, error, cancellationToken);
        return new CliRun(code, output.ToString(), error.ToString());
    }
}
