using System.CommandLine;
using M2UGen.Sdk;

namespace M2UGen.Cli.Switches;

/// <summary>What music to make.</summary>
internal sealed class MusicSwitches
{
    private readonly Option<TimeSpan?> _duration = new("--duration", "-d") { Description = $"How long the music shall be: 12, 12.5s, 2m or 1:30. Default: as long as --audio, else as --video, else {MusicOptions.DefaultDuration.TotalSeconds:0} s.", HelpName = "time", CustomParser = DurationParser.Parse };
    private readonly Option<int?> _steps = new("--max-new-tokens") { Description = "The exact number of decoder steps instead of a duration.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
    private readonly Option<ulong?> _seed = new("--seed", "-s") { Description = "The same seed gives the same music. Default: a new one each time.", HelpName = "number", CustomParser = NumberParser.Parse<ulong> };
    private readonly Option<double?> _guidance = new("--guidance-scale", "-g") { Description = "How strictly the music follows the words; 1 switches guidance off. Default: the bundle's.", HelpName = "number", CustomParser = NumberParser.Parse<double> };
    private readonly Option<double?> _temperature = new("--temperature", "-t") { Description = "Below 1 surer, above 1 more varied, 0 always the likeliest code. Default: the bundle's.", HelpName = "number", CustomParser = NumberParser.Parse<double> };
    private readonly Option<int?> _topK = new("--top-k") { Description = "Only this many of the likeliest codes; 0 is all. Default: the bundle's.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
    private readonly Option<double?> _topP = new("--top-p") { Description = "Only the likeliest codes up to this mass. Default: the bundle's.", HelpName = "number", CustomParser = NumberParser.Parse<double> };
    private readonly Option<double?> _minP = new("--min-p") { Description = "No code below this fraction of the likeliest one's probability. Default: off.", HelpName = "number", CustomParser = NumberParser.Parse<double> };
    private readonly Option<double?> _typicalP = new("--typical-p") { Description = "Locally typical codes up to this mass. Default: the bundle's.", HelpName = "number", CustomParser = NumberParser.Parse<double> };
    private readonly Option<bool> _greedy = new("--greedy") { Description = "Always the likeliest code, no chance." };
    private readonly Option<string> _conditioning = new("--conditioning") { Description = "What the music listens to: the answer's text, the projector's embedding, or both.", DefaultValueFactory = _ => "caption" };
    private readonly Option<string?> _audioPrompt = new("--audio-prompt") { Description = "Sound that the music goes on from: WAV, or whatever ffmpeg reads.", HelpName = "file" };
    private readonly Option<string?> _melody = new("--melody") { Description = "Sound whose melody the music follows (melody models).", HelpName = "file" };

    private readonly DiffusionSwitches _diffusion;

    /// <summary>Adds the switches to <paramref name="command"/>.</summary>
    public MusicSwitches(Command command)
    {
        _diffusion = new DiffusionSwitches(command);
        _conditioning.AcceptOnlyFromAmong("caption", "embedding", "both");
        foreach (Option option in new Option[] { _duration, _steps, _seed, _guidance, _temperature, _topK, _topP, _minP, _typicalP, _greedy, _conditioning, _audioPrompt, _melody })
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetResult(_duration) is not null && result.GetResult(_steps) is not null)
            {
                result.AddError("Give --duration or --max-new-tokens, not both.");
            }
        });
    }

    /// <summary>The options asked for.</summary>
    public MusicOptions Read(ParseResult parsed) => _diffusion.Add(parsed, new MusicOptions
    {
        Duration = parsed.GetValue(_duration),
        MaxNewTokens = parsed.GetValue(_steps),
        Seed = parsed.GetValue(_seed),
        GuidanceScale = parsed.GetValue(_guidance),
        Temperature = parsed.GetValue(_temperature),
        TopK = parsed.GetValue(_topK),
        TopP = parsed.GetValue(_topP),
        MinP = parsed.GetValue(_minP),
        TypicalP = parsed.GetValue(_typicalP),
        Sample = parsed.GetValue(_greedy) ? false : null,
        Conditioning = parsed.GetValue(_conditioning) switch
        {
            "embedding" => MusicConditioningMode.Embedding,
            "both" => MusicConditioningMode.Both,
            _ => MusicConditioningMode.Caption,
        },
    });

    /// <summary>Reads the sounds asked for; the function adds them to a request.</summary>
    public async Task<Func<M2UGenRequest, M2UGenRequest>> LoadSoundsAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        AudioClip? prompt = parsed.GetValue(_audioPrompt) is string promptPath ? await AudioClip.LoadAsync(promptPath, cancellationToken) : null;
        AudioClip? melody = parsed.GetValue(_melody) is string melodyPath ? await AudioClip.LoadAsync(melodyPath, cancellationToken) : null;
        return request =>
        {
            request = prompt is null ? request : request.WithAudioPrompt(prompt);
            return melody is null ? request : request.WithMelody(melody);
        };
    }
}
