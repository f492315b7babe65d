using System.CommandLine;
using System.Text;
using System.Text.Json;
using M2UGen.Sdk;

namespace M2UGen.Export.Commands;

/// <summary>What all commands share: how failures become exit codes, and how results are written.</summary>
internal static class CommandRun
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, NewLine = "\n" };

    /// <summary>The switch for machine-readable results.</summary>
    public static Option<bool> JsonOption() => new("--json") { Description = "Write the result as JSON to the output." };

    /// <summary>Runs a command's body; what can go wrong with a user's files ends in one line and an exit code.</summary>
    public static async Task<int> GuardAsync(ParseResult result, bool json, Func<TextWriter, Task<int>> body, CancellationToken cancellationToken)
    {
        try
        {
            return await body(result.InvocationConfiguration.Output).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await result.InvocationConfiguration.Error.WriteLineAsync("Stopped. Nothing was left behind.").ConfigureAwait(false);
            return ExporterCommands.Cancelled;
        }
        catch (Exception exception) when (exception is M2UGenException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            await result.InvocationConfiguration.Error.WriteLineAsync($"error: {Printable(exception.Message)}").ConfigureAwait(false);
            if (json)
            {
                WriteJson(result.InvocationConfiguration.Output, writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("error", exception.Message);
                    writer.WriteEndObject();
                });
            }

            return ExporterCommands.Failure;
        }
    }

    /// <summary>Writes one JSON document and a line break.</summary>
    public static void WriteJson(TextWriter output, Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, Indented))
        {
            write(writer);
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length));
    }

    /// <summary>Names from a stranger's file, without what could steer a terminal.</summary>
    public static string Printable(string text)
    {
        StringBuilder printable = new(text.Length);
        foreach (char character in text)
        {
            printable.Append(char.IsControl(character) && character is not ('\n' or '\r') ? '\uFFFD' : character);
        }

        return printable.ToString();
    }
}
