using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>What a bundle says about its AudioLDM2.</summary>
internal sealed record AudioLdm2Config
{
    /// <summary>The section of the manifest's generation and preprocessing numbers.</summary>
    public const string Section = "audioldm2";

    /// <summary>T5 positions of a padded caption and of the output projector's embedding, as published.</summary>
    private const int PublishedPositions = 128;

    public required UNetConfig UNet { get; init; }

    public required VaeConfig Vae { get; init; }

    public required VocoderConfig Vocoder { get; init; }

    /// <summary>T5 tokens that captions are cut at and, as <see cref="Fidelity.PadCaption"/> says, counted as.</summary>
    public int CaptionTokens { get; init; } = PublishedPositions;

    /// <summary>T5 positions of the output projector's embedding; null without a projector: an embedding may then have any number.</summary>
    public int? EmbeddingPositions { get; init; }

    /// <summary>The checkpoint's scheduler.</summary>
    public DiffusionScheduler Scheduler { get; init; } = DiffusionScheduler.Ddim;

    /// <summary>The scheduler's numbers.</summary>
    public SchedulerConfig SchedulerConfig { get; init; } = new();

    public AudioLdm2Defaults Defaults { get; init; } = new();

    /// <summary>Reads the numbers.</summary>
    /// <exception cref="ModelBundleException">A component or a number is missing, or the numbers contradict each other.</exception>
    public static AudioLdm2Config From(ModelBundle bundle)
    {
        JsonObject generation = bundle.Manifest.Generation[Section] as JsonObject ?? [];
        JsonObject preprocessing = bundle.Manifest.Preprocessing[Section] as JsonObject ?? [];
        List<string> problems = [];
        (DiffusionScheduler scheduler, SchedulerConfig schedulerConfig) = SchedulerJson.Read(generation["scheduler"] as JsonObject ?? [], problems);
        if (problems.Count > 0)
        {
            throw new ModelBundleException(bundle.Directory, $"{BundleManifest.FileName} of '{bundle.Directory}' describes no scheduler that this version knows:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}{Environment.NewLine}Export the bundle again with this version of m2ugen-export.");
        }

        AudioLdm2Config config = new()
        {
            UNet = UNetConfig.From(bundle),
            Vae = VaeConfig.From(bundle),
            Vocoder = VocoderConfig.From(bundle),
            CaptionTokens = preprocessing["caption_max_length"] is JsonValue value && value.TryGetValue(out int length) && length is > 0 and <= 1 << 16 ? length : PublishedPositions,
            EmbeddingPositions = bundle.Manifest.Components.ContainsKey(OutputProjector.Component)
                ? new ComponentNumbers(bundle, OutputProjector.Component).Optional("t5_positions", most: 1 << 16) ?? PublishedPositions
                : null,
            Scheduler = scheduler,
            SchedulerConfig = schedulerConfig,
            Defaults = AudioLdm2Defaults.From(generation),
        };
        return config.UNet.InChannels == config.UNet.OutChannels && config.UNet.InChannels == config.Vae.LatentChannels && config.Vocoder.MelBins % config.Vae.ScaleFactor == 0 && config.Vae.OutputChannels == 1
            ? config
            : throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}': the UNet goes from {config.UNet.InChannels} to {config.UNet.OutChannels} channels, the autoencoder decodes {config.Vae.LatentChannels} to {config.Vae.OutputChannels} at {config.Vae.ScaleFactor} times the size, the vocoder reads {config.Vocoder.MelBins} bins: they are not of one model. Export the bundle again from one directory.");
    }
}

/// <summary>What is used where a request says nothing: the release's values.</summary>
/// <param name="GuidanceScale">3.5, AudioLDM2Pipeline's default.</param>
/// <param name="Steps">200.</param>
/// <param name="NegativePrompt">"Low quality."</param>
/// <param name="WaveformsPerPrompt">3.</param>
internal sealed record AudioLdm2Defaults(double GuidanceScale = 3.5, int Steps = 200, string NegativePrompt = "Low quality.", int WaveformsPerPrompt = 3)
{
    /// <summary>Reads the object; values of another type or out of an option's range count as absent.</summary>
    public static AudioLdm2Defaults From(JsonObject generation)
    {
        AudioLdm2Defaults none = new();
        return new AudioLdm2Defaults(
            Number("guidance_scale", none.GuidanceScale, 0, 100),
            (int)Number("num_inference_steps", none.Steps, 1, 1 << 16),
            generation["negative_prompt"] is JsonValue text && text.GetValueKind() == JsonValueKind.String ? text.GetValue<string>() : none.NegativePrompt,
            (int)Number("num_waveforms_per_prompt", none.WaveformsPerPrompt, 1, DiffusionOptions.MaxWaveforms));

        double Number(string key, double absent, double least, double most) =>
            generation[key] is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number) && number >= least && number <= most
                ? number
                : absent;
    }
}
