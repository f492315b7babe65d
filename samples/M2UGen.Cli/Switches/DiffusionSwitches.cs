using System.CommandLine;
using M2UGen.Sdk;

namespace M2UGen.Cli.Switches;

/// <summary>How a diffusion decoder (AudioLDM2) works; other bundles take no notice.</summary>
internal sealed class DiffusionSwitches
{
    private static readonly (string Name, DiffusionScheduler Value)[] Schedulers =
    [
        ("ddim", DiffusionScheduler.Ddim), ("pndm", DiffusionScheduler.Pndm), ("lms", DiffusionScheduler.Lms), ("euler", DiffusionScheduler.Euler),
        ("euler-ancestral", DiffusionScheduler.EulerAncestral), ("heun", DiffusionScheduler.Heun), ("dpm-solver", DiffusionScheduler.DpmSolver), ("unipc", DiffusionScheduler.UniPc),
    ];

    private static readonly (string Name, MusicQuality Value)[] Qualities = [("draft", MusicQuality.Draft), ("standard", MusicQuality.Standard), ("reference", MusicQuality.Reference)];

    private readonly Option<string?> _quality = new("--quality") { Description = "AudioLDM2: a preset of scheduler, steps and candidates (draft, standard, reference). Default: the release's values.", HelpName = "preset" };
    private readonly Option<int?> _steps = new("--steps") { Description = "AudioLDM2: steps from noise to music. Default: the preset's or the bundle's.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
    private readonly Option<string?> _scheduler = new("--scheduler") { Description = $"AudioLDM2: the method ({string.Join(", ", Schedulers.Select(scheduler => scheduler.Name))}). Default: the preset's or the bundle's.", HelpName = "name" };
    private readonly Option<string?> _negative = new("--negative-prompt") { Description = "AudioLDM2: what the music shall not be like. Default: the bundle's (\"Low quality.\").", HelpName = "text" };
    private readonly Option<int?> _waveforms = new("--waveforms") { Description = "AudioLDM2: candidates to make; the one that fits the words best is written. Default: the preset's or the bundle's.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
    private readonly Option<double?> _eta = new("--eta") { Description = "AudioLDM2 with ddim: noise drawn anew in each step, 0 to 1. Default: 0.", HelpName = "number", CustomParser = NumberParser.Parse<double> };

    /// <summary>Adds the switches to <paramref name="command"/>.</summary>
    public DiffusionSwitches(Command command)
    {
        _quality.AcceptOnlyFromAmong([.. Qualities.Select(quality => quality.Name)]);
        _scheduler.AcceptOnlyFromAmong([.. Schedulers.Select(scheduler => scheduler.Name)]);
        foreach (Option option in new Option[] { _quality, _steps, _scheduler, _negative, _waveforms, _eta })
        {
            command.Add(option);
        }
    }

    /// <summary>The options asked for, added to <paramref name="music"/>.</summary>
    public MusicOptions Add(ParseResult parsed, MusicOptions music) => music with
    {
        Quality = Find(Qualities, parsed.GetValue(_quality)),
        Diffusion = DiffusionOptions.Default with
        {
            Scheduler = Find(Schedulers, parsed.GetValue(_scheduler)),
            Steps = parsed.GetValue(_steps),
            NegativePrompt = parsed.GetValue(_negative),
            WaveformsPerPrompt = parsed.GetValue(_waveforms),
            Eta = parsed.GetValue(_eta),
        },
    };

    private static T? Find<T>((string Name, T Value)[] table, string? name)
        where T : struct => name is null ? null : table.First(row => row.Name == name).Value;
}
