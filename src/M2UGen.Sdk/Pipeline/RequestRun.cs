using System.Diagnostics;
using M2UGen.Sdk.Diagnostics;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Pipeline.Memory;
using Microsoft.Extensions.Logging;

namespace M2UGen.Sdk.Pipeline;

/// <summary>One run of a request through its stages: media, encoders, language model, projector, music decoder.</summary>
/// <remarks>Made for one call and used by it alone: <see cref="PrepareAsync"/> ahead of the device, then <see cref="Run"/> on it.</remarks>
internal sealed class RequestRun : IDeviceRun
{
    private readonly PipelineParts _parts;
    private readonly PipelineOptions _options;
    private readonly ILogger _logger;
    private readonly M2UGenRequest _request;
    private readonly Fidelity _fidelity;
    private readonly ulong _seed;
    private readonly ulong _musicSeed;
    private readonly EncodeProgress _progress;
    private LoadedMedia _media = LoadedMedia.None;
    private ResultManifest? _manifest;
    private AnswerResult? _answer;

    public RequestRun(PipelineParts parts, PipelineOptions options, ILogger logger, M2UGenRequest request, Fidelity fidelity, ulong seed, ulong musicSeed)
    {
        _parts = parts;
        _options = options;
        _logger = logger;
        _request = request;
        _fidelity = fidelity;
        _seed = seed;
        _musicSeed = musicSeed;
        UsesLastMusic = request.Media.LastMusic is not null && parts is { Language: not null, Encoders.HearsAudio: true };
        _progress = new EncodeProgress(Count(request.Media));
    }

    /// <summary>Whether <see cref="PrepareAsync"/> has anything to do; if so it may hold much memory from then on.</summary>
    public bool HasMedia => UsesLastMusic || !_request.Media.IsEmpty;

    /// <summary>Pieces of music that are made together with this request's, its own included.</summary>
    /// <value>1.</value>
    public int Together { get; init; } = 1;

    private bool UsesLastMusic { get; }

    /// <summary>Reads and decodes the request's media. Needs no model and so no place on the device.</summary>
    /// <exception cref="MediaFormatException">A medium is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="ArgumentException">Music cannot be as long as the medium that it follows.</exception>
    public async Task PrepareAsync(UpdateWriter updates, CancellationToken cancellationToken)
    {
        if (!HasMedia)
        {
            return;
        }

        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.media");
        long start = Stopwatch.GetTimestamp();
        MediaLoader loader = new(_options.Media, _fidelity, _seed);
        await updates.SendAsync(_progress.Start()).ConfigureAwait(false);
        _media = await loader.LoadAsync(
            UsesLastMusic ? _request.Media : _request.Media with { LastMusic = null },
            _parts.Encoders!.VideoFrameCount,
            () => updates.SendAsync(_progress.Loaded()),
            cancellationToken).ConfigureAwait(false);
        Log.MediaLoaded(_logger, _media.Count, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);

        // Hashes of a long film or sound take their time, too.
        _manifest = Manifest();
        MusicOptions music = _manifest.Music;
        if (_request.Goal == RequestGoal.Music)
        {
            MusicLength.ThrowIfImpossible(_request.Music, music);
            RequestRunner.CheckMusic(_parts, _request, music, _fidelity);
        }
    }

    /// <summary>Does the work on the calling thread; the last update is the result.</summary>
    public void Run(UpdateWriter updates, CancellationToken cancellationToken)
    {
        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.request");
        Answer(updates, cancellationToken);
        MusicResult? music = MakesMusic ? MakeMusic(updates, cancellationToken) : null;
        if (_request.Goal == RequestGoal.Music && music is null)
        {
            throw new MusicNotGeneratedException(AnswerText);
        }

        updates.Send(new GenerationCompleted(new M2UGenResult { Answer = _answer, Music = music, Manifest = _manifest! }));
    }

    /// <summary>The stages before the music: media to features, prompt to answer.</summary>
    public void Answer(UpdateWriter updates, CancellationToken cancellationToken)
    {
        ResultManifest manifest = _manifest ??= Manifest();
        MakeRoom(manifest.Music);
        float[]? prefix = Encode(updates, cancellationToken);
        _answer = _parts.Language is { } language ? Answer(language, prefix, manifest, updates, cancellationToken) : null;
        EndStage();
        if (WantsMusic && _parts.Music is null)
        {
            Log.MusicLeftOut(_logger, _parts.Identity.Family);
        }
    }

    /// <summary>Whether the answer is followed by music. Known behind <see cref="Answer(UpdateWriter, CancellationToken)"/>.</summary>
    public bool MakesMusic => WantsMusic && _parts.Music is not null;

    /// <summary>What was answered; empty where nothing was.</summary>
    public string AnswerText => _answer?.Text ?? string.Empty;

    private bool WantsMusic => _request.Goal != RequestGoal.Answer && _answer is not { AsksForMusic: false };

    /// <summary>Settles what gives way to what, now that the lengths of all media are known and nobody else is running.</summary>
    /// <exception cref="MemoryBudgetException">The request does not fit the budget.</exception>
    private void MakeRoom(MusicOptions music)
    {
        if (_options.MemoryBudget is null || _parts is not { Planner: { } planner, Models: { } models })
        {
            return;
        }

        MemoryDemand demand = RequestDemand.Of(_request, _media, _request.Goal == RequestGoal.Answer ? null : music, _parts, _options, _fidelity) with { Pieces = Together };
        MemorySchedule schedule = planner.Begin(demand, _options.Memory, _options.MemoryBudget, models.Loaded);
        models.MakeRoom = component =>
        {
            IReadOnlyList<string> gone = schedule.Enter(component);
            if (gone.Contains(LanguageModel.Component))
            {
                // What is bound to a graph goes before the graph.
                _parts.Prompts.Clear();
            }

            return gone;
        };
    }

    /// <summary>Frees what a stage has loaded, where the pipeline wants that.</summary>
    public void EndStage()
    {
        if (_options.Memory == MemoryPolicy.OneStageAtATime)
        {
            _parts.Prompts.Clear();
            _parts.Models?.UnloadAll();
        }
    }

    private float[]? Encode(UpdateWriter updates, CancellationToken cancellationToken)
    {
        if (_media.Count == 0)
        {
            return null;
        }

        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.encode");
        long start = Stopwatch.GetTimestamp();
        EncodeStage stage = new(_parts.Encoders!, _fidelity, EndStage, updates.Wanted ? (item, done) => updates.Send(_progress.Encoded(item, done)) : null);
        float[] prefix = stage.Run(_media, _request.Knn, cancellationToken);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        M2UGenTelemetry.EncodeTime.Record(time.TotalSeconds);
        Log.Encoded(_logger, _media.Count, (long)time.TotalMilliseconds);

        // Decoded media may be the largest thing that the request holds, and all that is still asked of them is in the manifest.
        _media = LoadedMedia.None;
        return prefix;
    }

    private AnswerResult Answer(LanguageModel language, float[]? prefix, ResultManifest manifest, UpdateWriter updates, CancellationToken cancellationToken)
    {
        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.language");
        long start = Stopwatch.GetTimestamp();
        LanguageInput input = new()
        {
            Instruction = _request.Prompt,
            History = _request.History,
            Options = _request.Generation,
            Fidelity = manifest.Fidelity,
            Seed = manifest.Seed,
            PrefillChunkSize = _options.PrefillChunkSize,
        };
        if (prefix is not null)
        {
            // Not in the initialiser: a null array would convert to an empty prefix, which is not "none".
            input = input with { Prefix = prefix };
        }

        LanguageOutput output = language.Answer(input, updates.Wanted ? updates.Send : null, cancellationToken);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        M2UGenTelemetry.Tokens.Add(output.TokenIds.Count);
        M2UGenTelemetry.ReusedTokens.Add(output.ReusedTokenCount);
        M2UGenTelemetry.AnswerTime.Record(time.TotalSeconds);
        Log.Answered(_logger, output.TokenIds.Count, output.PromptTokenCount, output.ReusedTokenCount, (long)time.TotalMilliseconds, output.StopReason);
        Log.Answer(_logger, output.RawText);
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

    private MusicResult MakeMusic(UpdateWriter updates, CancellationToken cancellationToken)
    {
        using Activity? activity = M2UGenTelemetry.Activities.StartActivity("m2ugen.music");
        long start = Stopwatch.GetTimestamp();
        MusicDecoding decoding = _parts.Music!.Generate(MusicRequest(cancellationToken), updates, cancellationToken);
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        M2UGenTelemetry.MusicTime.Record(time.TotalSeconds);
        M2UGenTelemetry.MusicSeconds.Add(decoding.Audio.Duration.TotalSeconds);
        Log.MusicMade(_logger, decoding.Audio.Duration.TotalSeconds, (long)time.TotalMilliseconds, decoding.Steps);
        EndStage();
        return ResultOf(decoding);
    }

    /// <summary>What the music decoder is asked for.</summary>
    public MusicDecoderRequest MusicRequest(CancellationToken cancellationToken)
    {
        ResultManifest manifest = _manifest!;
        MusicLength.ThrowIfImpossible(_request.Music, manifest.Music);

        // Not a conditional expression: a null array would convert to an empty embedding, which is not "none".
        ReadOnlyMemory<float>? embedding = null;
        if (_answer?.AudioTokenStates is { } states && _request.Music.Conditioning != MusicConditioningMode.Caption)
        {
            embedding = _parts.Project!(states, cancellationToken);
        }

        return RequestRunner.MusicOf(_request, Caption, embedding, manifest.Music with { Seed = manifest.MusicSeed }, manifest.Fidelity);
    }

    /// <summary>What the decoder made of <see cref="MusicRequest"/>, with where it came from.</summary>
    public MusicResult ResultOf(MusicDecoding decoding) =>
        new() { Audio = decoding.Audio, Caption = Caption, Candidates = decoding.Candidates, Codes = decoding.Codes, Answer = _answer, Manifest = _manifest! };

    /// <summary>The answer is the caption; where nothing but music tokens was answered, the prompt is all there is.</summary>
    private string Caption =>
        _answer is not { } answer ? _request.Prompt
        : _fidelity.KeepAudioTokensInCaption ? answer.RawText
        : answer.Text.Length > 0 ? answer.Text
        : _request.Prompt;

    private int Count(RequestMedia media) =>
        (media.Audio is not null || UsesLastMusic ? 1 : 0) + (media.Image is null ? 0 : 1) + (media.Video is null ? 0 : 1);

    private ResultManifest Manifest() => new()
    {
        BundleHash = _parts.Identity.BundleHash,
        BundleFamily = _parts.Identity.Family,
        Prompt = _request.Prompt,
        Generation = _request.Generation,
        Music = MusicLength.Settle(_request.Music, _media, _fidelity),
        Fidelity = _fidelity,
        AudioPromptHash = _request.AudioPrompt is { } prompt ? ContentHash.Of(prompt) : null,
        MelodyHash = _request.Melody is { } melody ? ContentHash.Of(melody) : null,
        Knn = _media.Audio is null || _request.Knn is null ? null : _request.Knn with { IndexPath = null },
        AudioHash = _media.Audio is { } audio ? ContentHash.Of(audio) : null,
        ImageHash = _media.Image is { } image ? ContentHash.Of([image]) : null,
        VideoHash = _media.Frames is { } frames ? ContentHash.Of(frames) : null,
        HistoryHash = _request.History.Count > 0 && _parts.Language is not null ? ContentHash.Of(_request.History) : null,
        Seed = _seed,
        MusicSeed = _musicSeed,
        SdkVersion = Versions.Sdk,
        RuntimeVersion = _parts.Identity.RuntimeVersion,
        Platform = Versions.Platform,
        Provider = _parts.Identity.Provider,
        Threads = _parts.Identity.Threads,
    };
}
