using System.Security.Cryptography;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>AudioLDM2 (arXiv:2308.05734): caption or embedding to music by latent diffusion. The sound comes out at the end, in one piece.</summary>
/// <remarks>
/// Thread-safe; what belongs to one piece lives in the call. Stages: captions, diffusion of each candidate, decoding of each, ranking; a stage's components can be
/// freed when it has ended. A candidate depends on the seed and its number alone, not on how many there are.
/// Source: M2UGen's pipeline_audioldm2.py, AudioLDM2Pipeline.__call__.
/// </remarks>
internal sealed class AudioLdm2Decoder : IMusicDecoder
{
    private readonly ModelSet _models;
    private readonly ICaptionEncoder _captions;
    private readonly IWaveformScorer? _scorer;
    private readonly bool _releaseStages;

    /// <param name="models">The bundle's components.</param>
    /// <param name="config">The model's numbers.</param>
    /// <param name="captions">Reads captions.</param>
    /// <param name="scorer">Ranks candidates; null: they stay in the order they were made in.</param>
    /// <param name="releaseStages">Whether components are freed as soon as their stage has ended.</param>
    public AudioLdm2Decoder(ModelSet models, AudioLdm2Config config, ICaptionEncoder captions, IWaveformScorer? scorer, bool releaseStages)
    {
        _models = models;
        _captions = captions;
        _scorer = scorer;
        _releaseStages = releaseStages;
        Config = config;
        UNet = new UNet(models, config.UNet);
        Vae = new VaeDecoder(models, config.Vae);
        Vocoder = new HifiGanVocoder(models, config.Vocoder);
        Conditioner = new AudioLdm2Conditioner(config, captions);
    }

    public AudioLdm2Config Config { get; }

    public AudioLdm2Conditioner Conditioner { get; }

    public UNet UNet { get; }

    public VaeDecoder Vae { get; }

    public HifiGanVocoder Vocoder { get; }

    public int SampleRate => Config.Vocoder.SampleRate;

    public int Channels => 1;

    /// <summary>Reads the numbers and the tokenizers of a bundle; graphs are loaded when they are first needed.</summary>
    /// <param name="models">The bundle's components.</param>
    /// <param name="bundle">The bundle.</param>
    /// <param name="releaseStages">Whether components are freed as soon as their stage has ended.</param>
    /// <exception cref="ModelBundleException">The bundle has no AudioLDM2, or something in it is damaged.</exception>
    public static AudioLdm2Decoder Open(ModelSet models, ModelBundle bundle, bool releaseStages)
    {
        AudioLdm2Config config = AudioLdm2Config.From(bundle);
        AudioLdm2TextEncoder captions = AudioLdm2TextEncoder.Open(bundle, models, config.CaptionTokens);
        return new AudioLdm2Decoder(models, config, captions, ClapRanker.Open(bundle, models, captions.Clap), releaseStages);
    }

    public void Check(MusicDecoderRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _ = Plan(request);
    }

    public MusicDecoding Generate(MusicDecoderRequest request, IMusicSink sink, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        (DiffusionSettings settings, AudioLdm2Plan plan) = Plan(request);
        ulong seed = request.Options.Seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        float[] times = DiffusionLoop.Times(settings);
        sink.Report(new StageProgress(GenerationStage.Music, 0, (long)times.Length * settings.Waveforms));
        UNetCondition condition = Conditioner.Create(request, settings, cancellationToken);
        Release(_captions.Components);
        float[][] latents = Denoise(condition, settings, plan, seed, sink, cancellationToken);
        Release([UNet.Component, UNet.ConditionComponent, UNet.TimeComponent]);
        float[][] waveforms = Decode(latents, plan, sink, cancellationToken);
        Release([VaeDecoder.Component, HifiGanVocoder.Component]);
        MusicCandidate[] candidates = Rank(request.Conditioning.Caption, waveforms, seed, cancellationToken);
        sink.Write(new AudioChunk(candidates[0].Audio.Samples.ToArray(), SampleRate, Channels, TimeSpan.Zero));
        return new MusicDecoding { Audio = candidates[0].Audio, Seed = seed, Steps = times.Length * settings.Waveforms, Candidates = candidates };
    }

    /// <summary>Makes the latents of all candidates.</summary>
    /// <param name="condition">What to follow: one row, or with guidance two.</param>
    /// <param name="settings">How.</param>
    /// <param name="plan">Their size.</param>
    /// <param name="seed">Of all noise.</param>
    /// <param name="sink">Told of every step.</param>
    /// <param name="cancellationToken">Stops the work, also inside a step.</param>
    /// <param name="startNoise">Standard normal noise to start from instead of the seed's, for each candidate.</param>
    /// <returns>For each candidate [channels, height, width].</returns>
    internal float[][] Denoise(UNetCondition condition, DiffusionSettings settings, AudioLdm2Plan plan, ulong seed, IMusicSink? sink, CancellationToken cancellationToken, Func<int, float[]>? startNoise = null)
    {
        float[] times = DiffusionLoop.Times(settings);
        using UNetSession session = UNet.Begin(condition, times, samples: 1, plan.LatentHeight, plan.LatentWidth, cancellationToken);
        DiffusionLoop loop = new(session, settings);
        float[][] latents = new float[settings.Waveforms][];
        for (int candidate = 0; candidate < latents.Length; candidate++)
        {
            int number = candidate;
            float[] noise = startNoise?.Invoke(candidate) ?? DiffusionLoop.StartNoise(seed, candidate, loop.Sample.Length);
            loop.Run(noise, seed, candidate, Stepped, cancellationToken);
            latents[candidate] = loop.Sample.ToArray();

            void Stepped(int step)
            {
                sink?.Report(new StageProgress(GenerationStage.Music, ((long)number * times.Length) + step, (long)times.Length * settings.Waveforms));
                if (settings.PreviewInterval > 0 && step % settings.PreviewInterval == 0)
                {
                    sink?.Preview(new LatentPreview(number, step, loop.Sample.ToArray(), Config.UNet.InChannels, plan.LatentHeight, plan.LatentWidth));
                }
            }
        }

        return latents;
    }

    /// <summary>Latents to sound of the planned length.</summary>
    internal float[][] Decode(float[][] latents, AudioLdm2Plan plan, IMusicSink? sink, CancellationToken cancellationToken)
    {
        float[][] waveforms = new float[latents.Length][];
        for (int i = 0; i < latents.Length; i++)
        {
            float[] mel = Vae.Decode(latents[i], 1, plan.LatentHeight, plan.LatentWidth, cancellationToken);
            waveforms[i] = Vocoder.Decode(mel, 1, cancellationToken)[..plan.SampleCount];
            sink?.Report(new StageProgress(GenerationStage.Decode, i + 1, latents.Length));
        }

        return waveforms;
    }

    /// <summary>Sorts by how well sound and caption agree, best first; without a caption or with one piece alone nothing is scored.</summary>
    internal MusicCandidate[] Rank(string? caption, float[][] waveforms, ulong seed, CancellationToken cancellationToken)
    {
        double[]? scores = null;
        if (waveforms.Length > 1 && caption is not null && _scorer is not null)
        {
            scores = _scorer.Score(caption, waveforms, SampleRate, seed, cancellationToken);
            Release(_scorer.Components);
        }

        // OrderBy is stable: pieces that agree equally well stay in their order.
        return [.. waveforms
            .Select((waveform, i) => new MusicCandidate(AudioClip.Own(waveform, SampleRate, Channels), i, scores?[i]))
            .OrderByDescending(candidate => candidate.Score ?? 0)];
    }

    /// <summary>Checks the request and settles method and length.</summary>
    internal (DiffusionSettings Settings, AudioLdm2Plan Plan) Plan(MusicDecoderRequest request)
    {
        if (request.Conditioning.AudioPrompt is not null)
        {
            throw new UnsupportedCapabilityException("audio prompt", "AudioLDM2 cannot go on from an audio prompt: it makes a piece as a whole. Leave the prompt out, or use a bundle with MusicGen.");
        }

        if (request.Conditioning.Melody is not null)
        {
            throw new UnsupportedCapabilityException("melody", "AudioLDM2 cannot follow a melody. Leave it out, or use a bundle with a MusicGen melody model.");
        }

        if (request.Options.MaxNewTokens is not null)
        {
            throw new ArgumentException("MusicOptions.MaxNewTokens counts a codec's tokens, which AudioLDM2 has not. Set MusicOptions.Duration for the length and MusicOptions.Diffusion.Steps for the steps.", nameof(request));
        }

        Conditioner.Check(request);
        return (
            DiffusionSettings.Of(Config, request.Options),
            AudioLdm2Plan.Create(Config.Vocoder, Config.Vae, request.Options.Duration ?? MusicOptions.DefaultDuration, request.Fidelity));
    }

    private void Release(IEnumerable<string> components)
    {
        if (_releaseStages)
        {
            _models.Unload(components);
        }
    }
}
