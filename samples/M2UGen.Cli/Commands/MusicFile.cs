using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>Where a command's music goes: its switches, and the writing.</summary>
internal sealed class MusicFile
{
    private readonly Option<string> _file = new("--output", "-o") { Description = "The WAV file to write; '-' is standard output. Of several pieces: music-1.wav, music-2.wav, …", HelpName = "file", DefaultValueFactory = _ => "music.wav" };
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
    /// <param name="parsed">The command line.</param>
    /// <param name="terminal">Where results go.</param>
    /// <param name="count">Pieces that will be written.</param>
    public void ThrowIfNotWritable(ParseResult parsed, Terminal terminal, int count)
    {
        string path = parsed.GetRequiredValue(_file);
        if (path == "-")
        {
            if (terminal.IsJson)
            {
                throw new ArgumentException("Sound and JSON cannot both go to standard output; give --output a file name.");
            }

            if (count > 1)
            {
                throw new ArgumentException("Several pieces cannot all go to standard output; give --output a file name.");
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

    /// <summary>Writes the music and says what it is; several pieces under numbered names, existing files of these names are replaced.</summary>
    public async Task WriteAsync(ParseResult parsed, Terminal terminal, IReadOnlyList<MusicResult> results, TimeSpan elapsed, CancellationToken cancellationToken)
    {
        string path = parsed.GetRequiredValue(_file);
        JsonArray pieces = [];
        for (int i = 0; i < results.Count; i++)
        {
            string file = results.Count == 1 ? path : Numbered(path, i + 1);
            await WriteAsync(parsed, results[i], file, cancellationToken);
            Show(terminal, results[i], file, results.Count == 1 ? elapsed : null);
            pieces.Add(Json(results[i], file));
        }

        JsonObject json = results.Count == 1 ? pieces[0]!.DeepClone().AsObject() : new JsonObject { ["pieces"] = pieces };
        json["elapsed_seconds"] = elapsed.TotalSeconds;
        terminal.WriteJson(json);
        if (results.Count > 1)
        {
            terminal.WriteLine(FormattableString.Invariant($"{results.Count} pieces, made in {elapsed.TotalSeconds:0.0} s"));
        }
    }

    /// <summary>"music.wav" to "music-2.wav".</summary>
    private static string Numbered(string path, int number) =>
        Path.Combine(Path.GetDirectoryName(path) ?? "", string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileNameWithoutExtension(path)}-{number}{Path.GetExtension(path)}"));

    private async Task WriteAsync(ParseResult parsed, MusicResult result, string path, CancellationToken cancellationToken)
    {
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
    }

    private static JsonObject Json(MusicResult result, string path)
    {
        JsonObject json = ResultJson.Of(result, path);
        json["answer"] = result.Answer is { } answer ? ResultJson.Of(answer) : null;
        json["manifest"] = ResultJson.Of(result.Manifest);
        return json;
    }

    private static void Show(Terminal terminal, MusicResult result, string path, TimeSpan? elapsed)
    {
        if (path == "-")
        {
            terminal.Note($"Seed {result.Seed}.");
            return;
        }

        if (result.Answer is { } answer)
        {
            terminal.WriteLine(answer.Text);
        }

        string made = elapsed is { } time ? FormattableString.Invariant($", made in {time.TotalSeconds:0.0} s") : "";
        terminal.WriteLine(FormattableString.Invariant($"{path}: {result.Audio.Duration.TotalSeconds:0.00} s, {result.Audio.SampleRate} Hz, {(result.Audio.Channels == 1 ? "mono" : "stereo")}, seed {result.Seed}{made}"));
    }
}
