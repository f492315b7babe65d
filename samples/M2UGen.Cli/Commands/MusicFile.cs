using System.CommandLine;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>Where a command's music goes: its switches, and the writing.</summary>
internal sealed class MusicFile
{
    private readonly Option<string> _file = new("--output", "-o") { Description = "The WAV file to write; '-' is standard output.", HelpName = "file", DefaultValueFactory = _ => "music.wav" };
    private readonly Option<string> _encoding = new("--encoding") { Description = "How samples are stored.", DefaultValueFactory = _ => "pcm16" };
    private readonly Option<bool> _noManifest = new("--no-manifest") { Description = "Leave out of the file how it was made (prompt, seed, settings)." };

    /// <summary>Adds the switches to <paramref name="command"/>.</summary>
    public MusicFile(Command command)
    {
        _encoding.AcceptOnlyFromAmong("pcm16", "pcm24", "pcm32", "float32");
        command.Add(_file);
        command.Add(_encoding);
        command.Add(_noManifest);
    }

    /// <summary>Says at once what would else be noticed only after minutes of work.</summary>
    public void ThrowIfNotWritable(ParseResult parsed, Terminal terminal)
    {
        string path = parsed.GetRequiredValue(_file);
        if (path == "-")
        {
            if (terminal.IsJson)
            {
                throw new ArgumentException("Sound and JSON cannot both go to standard output; give --output a file name.");
            }

            return;
        }

        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            throw new IOException($"'{path}' is a directory; give --output the name of a file.");
        }

        if (!Directory.Exists(Path.GetDirectoryName(full)))
        {
            throw new DirectoryNotFoundException($"The directory of '{path}' does not exist. Make it, or give --output another place.");
        }
    }

    /// <summary>Writes the music and says what it is.</summary>
    public async Task WriteAsync(ParseResult parsed, Terminal terminal, MusicResult result, TimeSpan elapsed, CancellationToken cancellationToken)
    {
        string path = parsed.GetRequiredValue(_file);
        WavOptions options = new()
        {
            Encoding = Enum.Parse<WavEncoding>(parsed.GetRequiredValue(_encoding), ignoreCase: true),
            Comment = parsed.GetValue(_noManifest) ? null : result.Manifest.ToJson(),
        };
        if (path == "-")
        {
            await using Stream stream = Console.OpenStandardOutput();
            await result.Audio.SaveAsync(stream, options, cancellationToken);
        }
        else
        {
            await result.Audio.SaveAsync(path, options, cancellationToken);
        }

        Show(terminal, result, path, elapsed);
    }

    private static void Show(Terminal terminal, MusicResult result, string path, TimeSpan elapsed)
    {
        if (terminal.IsJson)
        {
            JsonObject json = ResultJson.Of(result, path);
            json["elapsed_seconds"] = elapsed.TotalSeconds;
            json["answer"] = result.Answer is { } answer ? ResultJson.Of(answer) : null;
            json["manifest"] = ResultJson.Of(result.Manifest);
            terminal.WriteJson(json);
        }
        else if (path == "-")
        {
            terminal.Note($"Seed {result.Seed}.");
        }
        else
        {
            if (result.Answer is { } answer)
            {
                terminal.WriteLine(answer.Text);
            }

            terminal.WriteLine(FormattableString.Invariant($"{path}: {result.Audio.Duration.TotalSeconds:0.00} s, {result.Audio.SampleRate} Hz, {(result.Audio.Channels == 1 ? "mono" : "stereo")}, seed {result.Seed}, made in {elapsed.TotalSeconds:0.0} s"));
        }
    }
}
