using M2UGen.Sdk.Pipeline;
using Microsoft.Extensions.Logging;

namespace M2UGen.Sdk;

/// <summary>A loaded bundle: answers questions about music, and makes music. Load once, share, dispose at the end.</summary>
/// <remarks>
/// Thread-safe: calls may overlap; they wait for the device in the order of their arrival (<see cref="PipelineOptions.MaxConcurrentRequests"/>).
/// Disposal may come at any time: it stops what runs, waits until it has stopped, and then frees the models.
/// </remarks>
public sealed class M2UGenPipeline : IM2UGenPipeline
{
    private readonly RequestTracker _tracker = new();
    private readonly SemaphoreSlim _device;
    private readonly SemaphoreSlim _media;
    private readonly PipelineParts _parts;
    private readonly RequestRunner _runner;
    private readonly RequestStream _stream;

    internal M2UGenPipeline(PipelineParts parts, PipelineOptions options, ILogger logger)
    {
        _parts = parts;
        Options = options;
        _device = new SemaphoreSlim(options.MaxConcurrentRequests, options.MaxConcurrentRequests);

        // As many again as can run: the next one's media are decoded while the device is busy, and no more are held.
        _media = new SemaphoreSlim(options.MaxConcurrentRequests, options.MaxConcurrentRequests);
        _runner = new RequestRunner(parts, options, logger);
        _stream = new RequestStream(_tracker, _device, _media, options.StreamBufferSize);
    }

    /// <summary>Which models the bundle holds: "m2ugen-musicgen", "m2ugen-audioldm2", "m2ugen" (answers only), "musicgen" or "audioldm2" (music only).</summary>
    public string Family => _parts.Identity.Family;

    /// <summary>SHA-256 of the bundle's manifest: it names the bundle exactly.</summary>
    public string BundleHash => _parts.Identity.BundleHash;

    /// <summary>Whether the bundle has a language model.</summary>
    public bool CanAnswer => _parts.Language is not null;

    /// <summary>Whether the pipeline has a music decoder.</summary>
    public bool CanGenerateMusic => _parts.Music is not null;

    /// <summary>Whether requests may bring sound (<see cref="M2UGenRequest.WithAudio(AudioClip)"/>).</summary>
    public bool CanHearAudio => CanAnswer && _parts.Encoders is { HearsAudio: true };

    /// <summary>Whether requests may bring a picture (<see cref="M2UGenRequest.WithImage(ImageFrame)"/>).</summary>
    public bool CanSeeImages => CanAnswer && _parts.Encoders is { SeesImages: true };

    /// <summary>Whether requests may bring a film (<see cref="M2UGenRequest.WithVideo(VideoClip)"/>).</summary>
    public bool CanSeeVideo => CanAnswer && _parts.Encoders is { SeesVideo: true };

    /// <summary>The options it was loaded with.</summary>
    public PipelineOptions Options { get; }

    /// <summary>Names the bundle directory to load; nothing is read before <see cref="M2UGenPipelineBuilder.LoadAsync(IProgress{LoadProgress}?, CancellationToken)"/>.</summary>
    /// <param name="path">The directory with bundle.json in it.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static M2UGenPipelineBuilder FromBundle(string path) => new(path);

    /// <inheritdoc/>
    public M2UGenRequest Prompt(string text) => new(this, text);

    /// <inheritdoc/>
    public Task<AnswerResult> AskAsync(string prompt, CancellationToken cancellationToken = default) => Prompt(prompt).AskAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<MusicResult> GenerateMusicAsync(string prompt, CancellationToken cancellationToken = default) => Prompt(prompt).GenerateMusicAsync(cancellationToken);

    /// <inheritdoc/>
    /// <remarks>All requests take one place on the device together: answers first, one after the other, then the music. MusicGen makes up to <see cref="PipelineOptions.MusicBatchSize"/> pieces side by side.</remarks>
    /// <exception cref="ObjectDisposedException">The pipeline is disposed.</exception>
    public async Task<IReadOnlyList<MusicResult>> GenerateMusicBatchAsync(IReadOnlyList<M2UGenRequest> requests, IProgress<StageProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        _tracker.ThrowIfClosed();
        M2UGenRequest[] wanted = [.. requests.Select(request => (request ?? throw new ArgumentException("One of the requests is null.", nameof(requests))) with { Goal = RequestGoal.Music })];
        foreach (M2UGenRequest request in wanted)
        {
            _runner.Check(request, wanted.Length);
        }

        if (wanted.Length == 0)
        {
            return [];
        }

        await foreach (GenerationUpdate update in _stream.RunAsync(() => _runner.Start(wanted), onlyResult: progress is null, cancellationToken).ConfigureAwait(false))
        {
            switch (update)
            {
                case StageProgress stage:
                    progress?.Report(stage);
                    break;
                case BatchCompleted completed:
                    return completed.Results;
            }
        }

        throw new M2UGenException("The stream of updates ended without its result.");
    }

    /// <inheritdoc/>
    public Task<AnswerResult> CaptionMusicAsync(AudioClip audio, CancellationToken cancellationToken = default) => Prompt(M2UGenRequest.CaptionQuestion).WithAudio(audio).CaptionMusicAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<MusicResult> EditMusicAsync(string instruction, AudioClip audio, CancellationToken cancellationToken = default) => Prompt(instruction).WithAudio(audio).EditMusicAsync(cancellationToken);

    /// <inheritdoc/>
    public Conversation StartConversation(ConversationOptions? options = null) => new(this, options);

    /// <inheritdoc/>
    public Task<M2UGenResult> RunAsync(string prompt, CancellationToken cancellationToken = default) => Prompt(prompt).RunAsync(cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationUpdate> StreamAsync(string prompt, CancellationToken cancellationToken = default) => Prompt(prompt).StreamAsync(cancellationToken);

    /// <summary>Runs a request; the last update is <see cref="GenerationCompleted"/>.</summary>
    /// <remarks>The request is checked by this call; work starts with the first update that is asked for.</remarks>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="MemoryBudgetException">The request does not fit <see cref="PipelineOptions.MemoryBudget"/>.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle lacks a part that the request needs.</exception>
    /// <exception cref="ObjectDisposedException">The pipeline is disposed.</exception>
    public IAsyncEnumerable<GenerationUpdate> StreamAsync(M2UGenRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        _tracker.ThrowIfClosed();
        _runner.Check(request);
        return _stream.RunAsync(() => _runner.Start(request), request.OnlyResult, cancellationToken);
    }

    /// <summary>Predicts what a request will take of memory with what is loaded now; nothing is loaded, and no medium is read: a sound from a file counts as a minute of it.</summary>
    /// <param name="request">The request. Music is planned whether or not the model will ask for it.</param>
    /// <exception cref="ArgumentException">An option is out of its range, or music cannot be so long.</exception>
    /// <exception cref="MemoryBudgetException">The request does not fit <see cref="PipelineOptions.MemoryBudget"/>.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle lacks a part that the request needs.</exception>
    /// <exception cref="ObjectDisposedException">The pipeline is disposed.</exception>
    public MemoryPlan PlanMemory(M2UGenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _tracker.ThrowIfClosed();
        _runner.Check(request);
        return _runner.PlanMemory(request) is { Steps.Count: > 0 } plan
            ? plan
            : throw new UnsupportedCapabilityException("memory plan", "Such a request uses nothing of a bundle whose sizes are known.");
    }

    /// <summary>Stops every request, waits until they have stopped, and frees the models.</summary>
    public async ValueTask DisposeAsync()
    {
        if (await _tracker.CloseAsync().ConfigureAwait(false))
        {
            foreach (IDisposable owned in _parts.Owned)
            {
                owned.Dispose();
            }

            _device.Dispose();
            _media.Dispose();
            _tracker.Dispose();
        }
    }
}
