using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Cli.Switches;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>generate: words to a WAV file.</summary>
internal static class GenerateCommand
{
    /// <summary>Creates the command.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        Argument<string> prompt = new("prompt") { Description = "What the music shall be like, or an instruction to an M2UGen bundle.", DefaultValueFactory = _ => "" };
        Option<string> file = new("--output", "-o") { Description = "The WAV file to write; '-' is standard output.", HelpName = "file", DefaultValueFactory = _ => "music.wav" };
        Option<string> encoding = new("--encoding") { Description = "How samples are stored.", DefaultValueFactory = _ => "pcm16" };
        encoding.AcceptOnlyFromAmong("pcm16", "pcm24", "pcm32", "float32");
        Option<bool> noManifest = new("--no-manifest") { Description = "Leave out of the file how it was made (prompt, seed, settings)." };
        Command command = new("generate", "Make music from words and write it as a WAV file.") { prompt, file, encoding, noManifest };
        BundleSwitches bundle = new(command);
        MusicSwitches music = new(command);
        AnswerSwitches answer = new(command, "answer-");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            Terminal terminal = bundle.Terminal(parsed, output, error);
            string path = parsed.GetRequiredValue(file);
            if (path == "-" && terminal.IsJson)
            {
                throw new ArgumentException("Sound and JSON cannot both go to standard output; give --output a file name.");
            }

            ThrowIfNotWritable(path);
            long start = Stopwatch.GetTimestamp();
            MusicResult result = await terminal.WithProgressAsync(async display =>
            {
                await using M2UGenPipeline pipeline = await bundle.LoadAsync(parsed, display, cancellationToken);
                ThrowIfSilent(pipeline);
                M2UGenRequest request = pipeline.Prompt(parsed.GetRequiredValue(prompt)).WithMusic(music.Read(parsed)).WithGeneration(answer.Read(parsed));
                request = await music.AddSoundsAsync(parsed, request, cancellationToken);
                return await MusicRun.RunAsync(request, display, cancellationToken);
            });
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);

            WavOptions options = new()
            {
                Encoding = Enum.Parse<WavEncoding>(parsed.GetRequiredValue(encoding), ignoreCase: true),
                Comment = parsed.GetValue(noManifest) ? null : result.Manifest.ToJson(),
            };
            await SaveAsync(result.Audio, path, options, cancellationToken);
            Show(terminal, result, path, elapsed);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Says at once what would else be noticed only after minutes of work.</summary>
    private static void ThrowIfNotWritable(string path)
    {
        if (path == "-")
        {
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

    private static void ThrowIfSilent(M2UGenPipeline pipeline)
    {
        if (!pipeline.CanGenerateMusic)
        {
            throw new UnsupportedCapabilityException("music", $"This bundle of family '{pipeline.Family}' makes no music: it was exported without a decoder, or with one that this version cannot run. Use 'ask', or a bundle with MusicGen (export --music_decoder_path).");
        }
    }

    private static async Task SaveAsync(AudioClip audio, string path, WavOptions options, CancellationToken cancellationToken)
    {
        if (path == "-")
        {
            await using Stream stream = Console.OpenStandardOutput();
            await audio.SaveAsync(stream, options, cancellationToken);
        }
        else
        {
            await audio.SaveAsync(path, options, cancellationToken);
        }
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
