using System.Diagnostics;
using M2UGen.Sdk.Diagnostics;
using M2UGen.Sdk.Language;
using Microsoft.Extensions.Logging;

namespace M2UGen.Sdk.Pipeline;

/// <summary>Takes one request through its stages: language model, projector, music decoder.</summary>
/// <remarks>Thread-safe: whatever belongs to a request lives in its call of <see cref="Run"/>.</remarks>
internal sealed class RequestRunner(PipelineParts parts, PipelineOptions options, ILogger logger)
{
    /// <summary>Refuses what cannot be done, before any work.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, the prompt is empty, or the music decoder cannot make such a length.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle lacks the part that the request needs, or that part cannot do what is asked.</exception>
    public void Check(M2UGenRequest request)
    {
        OptionsCheck check = new();
        request.Generation.Check(check);
        request.Music.Check(check);
        check.ThrowIfAny();

        bool soundIsEnough = parts.Language is null && (request.AudioPrompt is not null || request.Melody is not null);
        if (string.IsNullOrWhiteSpace(request.Prompt) && !soundIsEnough)
        {
            throw new ArgumentException("The prompt is empty. Ask a question or describe the music.", nameof(request));
        }

        string family = parts.Identity.Family;
        if (request.Goal == RequestGoal.Answer && parts.Language is null)
        {
            throw new UnsupportedCapabilityException("text answers", $"A bundle of family '{family}' has no language model, so it cannot answer. Use a bundle exported from an M2UGen checkpoint, or ask this one for music.");
        }

        if (request.Goal == RequestGoal.Music && parts.Music is null)
        {
            throw new UnsupportedCapabilityException("music", NoMusic(family));
        }

        if (request.Music.Conditioning != MusicConditioningMode.Caption && request.Goal != RequestGoal.Answer && parts.Music is not null && parts.Project is null)
        {
            throw new UnsupportedCapabilityException("embedding conditioning", $"A bundle of family '{family}' has no language model with an output projector, so music can follow captions only. Set {nameof(MusicOptions)}.{nameof(MusicOptions.Conditioning)} to {nameof(MusicConditioningMode.Caption)}.");
        }

        // Only where music is certain: a request that the model may answer with text alone must not fail for a piece that nobody makes.
        if ((request.Goal == RequestGoal.Music || (request.Goal == RequestGoal.Either && parts.Language is null)) && parts.Music is { } decoder)
        {
            decoder.Check(MusicOf(request, parts.Language is null ? request.Prompt : null, embedding: null, request.Music, FidelityOf(request)));
        }
    }

    /// <summary>Does the work on the calling thread; the last update is the result.</summary>
    public void Run(M2UGenRequest request, UpdateWriter updates, CancellationToken cancellationToken)
    {
        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.request");
        (ulong seed, ulong musicSeed) = Seeds.Of(request.Generation.Seed, request.Music.Seed);
        ResultManifest manifest = ManifestOf(request, seed, musicSeed);
        Log.RequestStarted(logger, seed, musicSeed);
        Log.Prompt(logger, request.Prompt);

        AnswerResult? answer = parts.Language is { } language ? Answer(language, request, manifest, updates, cancellationToken) : null;
        MusicResult? music = null;
        EndStage();
        if (request.Goal != RequestGoal.Answer && answer is not { AsksForMusic: false })
        {
            if (parts.Music is { } decoder)
            {
                music = MakeMusic(decoder, request, answer, manifest, updates, cancellationToken);
                EndStage();
            }
            else
            {
                Log.MusicLeftOut(logger, parts.Identity.Family);
            }
        }

        if (request.Goal == RequestGoal.Music && music is null)
        {
            throw new MusicNotGeneratedException(answer?.Text ?? string.Empty);
        }

        updates.Send(new GenerationCompleted(new M2UGenResult { Answer = answer, Music = music, Manifest = manifest }));
    }

    private void EndStage()
    {
        if (options.Memory == MemoryPolicy.OneStageAtATime)
        {
            parts.Models?.UnloadAll();
        }
    }

    private AnswerResult Answer(LanguageModel language, M2UGenRequest request, ResultManifest manifest, UpdateWriter updates, CancellationToken cancellationToken)
    {
        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.language");
        long start = Stopwatch.GetTimestamp();
        LanguageOutput output = language.Answer(
            new LanguageInput
            {
                Instruction = request.Prompt,
                Options = request.Generation,
                Fidelity = manifest.Fidelity,
                Seed = manifest.Seed,
                PrefillChunkSize = options.PrefillChunkSize,
            },
            updates.Wanted ? updates.Send : null,
            cancellationToken);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        M2UGenTelemetry.Tokens.Add(output.TokenIds.Count);
        M2UGenTelemetry.AnswerTime.Record(time.TotalSeconds);
        Log.Answered(logger, output.TokenIds.Count, output.PromptTokenCount, (long)time.TotalMilliseconds, output.StopReason);
        Log.Answer(logger, output.RawText);
        return new AnswerResult
        {
            Text = output.Text,
            RawText = output.RawText,
            TokenIds = output.TokenIds,
            PromptTokenCount = output.PromptTokenCount,
            StopReason = output.StopReason,
            AsksForMusic = output.AudioTokenStates is not null,
            AudioTokenStates = output.AudioTokenStates,
            Manifest = manifest,
        };
    }

    private MusicResult MakeMusic(
        IMusicDecoder decoder, M2UGenRequest request, AnswerResult? answer, ResultManifest manifest, UpdateWriter updates, CancellationToken cancellationToken)
    {
        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.music");
        long start = Stopwatch.GetTimestamp();
        string caption = CaptionOf(request, answer, manifest.Fidelity);

        // Not a conditional expression: a null array would convert to an empty embedding, which is not "none".
        ReadOnlyMemory<float>? embedding = null;
        if (answer?.AudioTokenStates is { } states && request.Music.Conditioning != MusicConditioningMode.Caption)
        {
            embedding = parts.Project!(states, cancellationToken);
        }

        MusicDecoding decoding = decoder.Generate(
            MusicOf(request, caption, embedding, request.Music with { Seed = manifest.MusicSeed }, manifest.Fidelity),
            updates,
            cancellationToken);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        M2UGenTelemetry.MusicTime.Record(time.TotalSeconds);
        M2UGenTelemetry.MusicSeconds.Add(decoding.Audio.Duration.TotalSeconds);
        Log.MusicMade(logger, decoding.Audio.Duration.TotalSeconds, (long)time.TotalMilliseconds, decoding.Steps);
        return new MusicResult { Audio = decoding.Audio, Caption = caption, Codes = decoding.Codes, Answer = answer, Manifest = manifest };
    }

    private static MusicDecoderRequest MusicOf(M2UGenRequest request, string? caption, ReadOnlyMemory<float>? embedding, MusicOptions music, Fidelity fidelity) => new()
    {
        Conditioning = new MusicConditioning { Caption = caption, Embedding = embedding, AudioPrompt = request.AudioPrompt, Melody = request.Melody },
        Options = music,
        Fidelity = fidelity,
    };

    private Fidelity FidelityOf(M2UGenRequest request) => request.Fidelity ?? options.Fidelity;

    /// <summary>The answer is the caption; where nothing but music tokens was answered, the prompt is all there is.</summary>
    private static string CaptionOf(M2UGenRequest request, AnswerResult? answer, Fidelity fidelity) =>
        answer is null ? request.Prompt
        : fidelity.KeepAudioTokensInCaption ? answer.RawText
        : answer.Text.Length > 0 ? answer.Text
        : request.Prompt;

    private ResultManifest ManifestOf(M2UGenRequest request, ulong seed, ulong musicSeed) => new()
    {
        BundleHash = parts.Identity.BundleHash,
        BundleFamily = parts.Identity.Family,
        Prompt = request.Prompt,
        Generation = request.Generation,
        Music = request.Music,
        Fidelity = FidelityOf(request),
        AudioPromptHash = request.AudioPrompt is { } prompt ? Versions.HashOf(prompt) : null,
        MelodyHash = request.Melody is { } melody ? Versions.HashOf(melody) : null,
        Seed = seed,
        MusicSeed = musicSeed,
        SdkVersion = Versions.Sdk,
        RuntimeVersion = parts.Identity.RuntimeVersion,
        Platform = Versions.Platform,
        Provider = parts.Identity.Provider,
        Threads = parts.Identity.Threads,
    };

    private static string NoMusic(string family) => family == Runtime.Bundles.BundleFamily.M2UGenAudioLdm2
        ? "This version of the library has the language and projector part of AudioLDM2 bundles, not yet the diffusion that makes their sound. Ask for the answer with AskAsync or RunAsync, or use a bundle with MusicGen."
        : $"A bundle of family '{family}' has no music decoder. Export it with the music decoder's directory (--music_decoder_path), or give the pipeline a decoder with UseMusicDecoder.";
}
