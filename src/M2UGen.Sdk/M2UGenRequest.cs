using M2UGen.Sdk.Language;
using M2UGen.Sdk.Pipeline;

namespace M2UGen.Sdk;

/// <summary>One prompt with everything that goes with it. Immutable: every <c>With…</c> returns a changed copy, so a request can be kept and sent again.</summary>
/// <remarks>Thread-safe. Options are checked together when the request is sent, before any work.</remarks>
public sealed record M2UGenRequest
{
    /// <summary>What <see cref="CaptionMusicAsync"/> asks where the prompt is empty: the question that the reference's captioning data was made with.</summary>
    public const string CaptionQuestion =
        "Describe the music in detail including details such as instruments used, tempo and mood of the song";

    private readonly IM2UGenPipeline _pipeline;

    /// <summary>Makes a request for <paramref name="pipeline"/>; usually <see cref="M2UGenPipeline.Prompt"/> does.</summary>
    public M2UGenRequest(IM2UGenPipeline pipeline, string prompt)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(prompt);
        _pipeline = pipeline;
        Prompt = prompt;
    }

    /// <summary>The question, instruction or description. The language model's template is put around it.</summary>
    public string Prompt { get; private init; }

    /// <summary>How the answer's tokens are chosen.</summary>
    /// <value><see cref="GenerationOptions.Default"/>.</value>
    public GenerationOptions Generation { get; private init; } = GenerationOptions.Default;

    /// <summary>What music to make.</summary>
    /// <value><see cref="MusicOptions.Default"/>.</value>
    public MusicOptions Music { get; private init; } = MusicOptions.Default;

    /// <summary>Which habits of the reference are kept.</summary>
    /// <value>Null: those of <see cref="PipelineOptions.Fidelity"/>.</value>
    public Fidelity? Fidelity { get; private init; }

    /// <summary>Sound that the music goes on from; it comes first in the result.</summary>
    public AudioClip? AudioPrompt { get; private init; }

    /// <summary>Sound whose pitches the music follows; melody models only.</summary>
    public AudioClip? Melody { get; private init; }

    /// <summary>How the audio feature is mixed with its neighbours in a collection of features (see <see cref="WithKnn"/>).</summary>
    /// <value>Null: not at all.</value>
    public KnnOptions? Knn { get; private init; }

    /// <summary>What the model listens to and looks at.</summary>
    internal RequestMedia Media { get; init; } = RequestMedia.None;

    /// <summary>Earlier turns of a conversation that are put before the prompt as far as they fit, oldest first.</summary>
    internal IReadOnlyList<PastTurn> History { get; init; } = [];

    /// <summary>What the caller waits for.</summary>
    internal RequestGoal Goal { get; init; } = RequestGoal.Either;

    /// <summary>Nobody looks at the updates but the last: none of the others is made.</summary>
    internal bool OnlyResult { get; init; }

    /// <summary>Replaces the settings of the answer.</summary>
    public M2UGenRequest WithGeneration(GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return this with { Generation = options };
    }

    /// <summary>Replaces the settings of the music.</summary>
    public M2UGenRequest WithMusic(MusicOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return this with { Music = options };
    }

    /// <summary>Chooses which habits of the reference this request keeps.</summary>
    public M2UGenRequest WithFidelity(Fidelity fidelity)
    {
        ArgumentNullException.ThrowIfNull(fidelity);
        return this with { Fidelity = fidelity };
    }

    /// <summary>Lets the music go on from a piece of sound, of any rate and number of channels.</summary>
    public M2UGenRequest WithAudioPrompt(AudioClip audio)
    {
        ArgumentNullException.ThrowIfNull(audio);
        return this with { AudioPrompt = audio };
    }

    /// <summary>Lets the music follow the pitches of a piece of sound, of any rate and number of channels (melody models only).</summary>
    public M2UGenRequest WithMelody(AudioClip audio)
    {
        ArgumentNullException.ThrowIfNull(audio);
        return this with { Melody = audio };
    }

    /// <summary>Lets the model listen to a file: WAV, or whatever ffmpeg reads, the sound of a film too.</summary>
    /// <remarks>
    /// The whole piece is listened to, whatever its length (see <see cref="M2UGen.Sdk.Fidelity"/>). Music becomes as long as the sound unless <see cref="MusicOptions.Duration"/> says otherwise.
    /// Reading begins when the request is sent, before it takes its place on the device; what is wrong with the file is told then.
    /// </remarks>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public M2UGenRequest WithAudio(string path) => WithAudio(MediaSource.FromFile(path));

    /// <summary>Lets the model listen to sound from a file, bytes or a stream.</summary>
    /// <inheritdoc cref="WithAudio(string)" path="/remarks"/>
    public M2UGenRequest WithAudio(MediaSource source) => this with { Media = Media with { Audio = new MediaItem<AudioClip>(source) } };

    /// <summary>Lets the model listen to a piece of sound, of any rate and number of channels. Music becomes as long as it unless <see cref="MusicOptions.Duration"/> says otherwise.</summary>
    public M2UGenRequest WithAudio(AudioClip audio) => this with { Media = Media with { Audio = new MediaItem<AudioClip>(audio) } };

    /// <summary>Lets the model look at a picture file: PNG, JPEG, WebP, BMP, GIF (its first frame), or TIFF through ffmpeg.</summary>
    /// <remarks>Reading begins when the request is sent, before it takes its place on the device; what is wrong with the file is told then.</remarks>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public M2UGenRequest WithImage(string path) => WithImage(MediaSource.FromFile(path));

    /// <summary>Lets the model look at a picture from a file, bytes or a stream.</summary>
    /// <inheritdoc cref="WithImage(string)" path="/remarks"/>
    public M2UGenRequest WithImage(MediaSource source) => this with { Media = Media with { Image = new MediaItem<ImageFrame>(source) } };

    /// <summary>Lets the model look at a picture.</summary>
    public M2UGenRequest WithImage(ImageFrame image) => this with { Media = Media with { Image = new MediaItem<ImageFrame>(image) } };

    /// <summary>Lets the model look at a film, in any container that ffmpeg reads. Its sound is not listened to; name the same file in <see cref="WithAudio(string)"/> for that.</summary>
    /// <remarks>
    /// Frames are spread evenly over the whole film (see <see cref="M2UGen.Sdk.Fidelity"/>). Music becomes as long as the film unless <see cref="MusicOptions.Duration"/> or a sound
    /// says otherwise. Reading begins when the request is sent, before it takes its place on the device; what is wrong with the file is told then.
    /// </remarks>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public M2UGenRequest WithVideo(string path) => WithVideo(MediaSource.FromFile(path));

    /// <summary>Lets the model look at a film from a file, bytes or a stream.</summary>
    /// <inheritdoc cref="WithVideo(string)" path="/remarks"/>
    public M2UGenRequest WithVideo(MediaSource source) => this with { Media = Media with { Video = new MediaItem<VideoClip>(source) } };

    /// <summary>Lets the model look at a film. Music becomes as long as it unless <see cref="MusicOptions.Duration"/> or a sound says otherwise.</summary>
    public M2UGenRequest WithVideo(VideoClip video) => this with { Media = Media with { Video = new MediaItem<VideoClip>(video) } };

    /// <summary>Mixes the audio feature with its nearest neighbours in the bundle's collection of features, as the reference's kNN cache does.</summary>
    public M2UGenRequest WithKnn(KnnOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return this with { Knn = options };
    }

    /// <summary>This request several times, each with a seed of its own: for <see cref="IM2UGenPipeline.GenerateMusicBatchAsync"/>.</summary>
    /// <param name="count">How many; 1 or more.</param>
    /// <returns>Requests whose music seeds count up from this request's, or from a fresh one where it has none. An answer's seed that was set stays, so that all follow the same answer.</returns>
    public IReadOnlyList<M2UGenRequest> Variations(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        (_, ulong first) = Seeds.Of(Generation.Seed, Music.Seed);
        return [.. Enumerable.Range(0, count).Select(i => this with { Music = Music with { Seed = unchecked(first + (ulong)i) } })];
    }

    /// <summary>Asks for the text answer; no music is made even if the model asks for some.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="MediaFormatException">A medium is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no language model, or it cannot hear or see what the request brings.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<AnswerResult> AskAsync(CancellationToken cancellationToken = default)
    {
        M2UGenResult result = await CompleteAsync(RequestGoal.Answer, cancellationToken).ConfigureAwait(false);
        return result.Answer ?? throw new UnsupportedCapabilityException("text answers", "The pipeline gave no text answer.");
    }

    /// <summary>Makes music.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="MediaFormatException">A medium is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="MusicNotGeneratedException">The model answered with text only; the exception carries it.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no music decoder, or it cannot do what the request asks.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<MusicResult> GenerateMusicAsync(CancellationToken cancellationToken = default)
    {
        M2UGenResult result = await CompleteAsync(RequestGoal.Music, cancellationToken).ConfigureAwait(false);
        return result.Music ?? throw new MusicNotGeneratedException(result.Text);
    }

    /// <summary>Changes a piece of music as the prompt says: instruction and sound in, music out, as long as the sound unless <see cref="MusicOptions.Duration"/> says otherwise.</summary>
    /// <exception cref="ArgumentException">There is no sound to change (<see cref="WithAudio(AudioClip)"/>), an option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="MediaFormatException">A medium is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="MusicNotGeneratedException">The model answered with text only; the exception carries it.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no music decoder, or it cannot do what the request asks.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<MusicResult> EditMusicAsync(CancellationToken cancellationToken = default)
    {
        if (Media.Audio is null)
        {
            throw new ArgumentException("There is no music to edit. Give the piece to change with WithAudio.");
        }

        return await GenerateMusicAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Describes a piece of music in words. An empty prompt becomes <see cref="CaptionQuestion"/>.</summary>
    /// <exception cref="ArgumentException">There is no sound to describe (<see cref="WithAudio(AudioClip)"/>), an option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="MediaFormatException">A medium is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no language model, or it cannot hear.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<AnswerResult> CaptionMusicAsync(CancellationToken cancellationToken = default)
    {
        if (Media.Audio is null)
        {
            throw new ArgumentException("There is no music to describe. Give the piece with WithAudio.");
        }

        M2UGenRequest request = string.IsNullOrWhiteSpace(Prompt) ? this with { Prompt = CaptionQuestion } : this;
        return await request.AskAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Answers, and makes music if the model decides so.</summary>
    /// <remarks>A bundle without a music decoder gives the answer alone, with <see cref="AnswerResult.AsksForMusic"/> set where music was wanted.</remarks>
    /// <exception cref="ArgumentException">An option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="MediaFormatException">A medium is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle cannot hear or see what the request brings.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task<M2UGenResult> RunAsync(CancellationToken cancellationToken = default) => CompleteAsync(RequestGoal.Either, cancellationToken);

    /// <summary>Like <see cref="RunAsync"/>, handing out text, sound and progress while they are made.</summary>
    /// <remarks>
    /// Leaving the loop early stops the work. A slow reader holds generation back, so do not wait inside the loop for another request of the same pipeline.
    /// </remarks>
    /// <exception cref="ArgumentException">An option is out of its range, or the prompt is longer than the model's context.</exception>
    /// <exception cref="MediaFormatException">A medium is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle cannot hear or see what the request brings.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<GenerationUpdate> StreamAsync(CancellationToken cancellationToken = default) => _pipeline.StreamAsync(this, cancellationToken);

    private async Task<M2UGenResult> CompleteAsync(RequestGoal goal, CancellationToken cancellationToken)
    {
        M2UGenRequest request = this with { Goal = goal, OnlyResult = true };
        await foreach (GenerationUpdate update in _pipeline.StreamAsync(request, cancellationToken).ConfigureAwait(false))
        {
            if (update is GenerationCompleted completed)
            {
                return completed.Result;
            }
        }

        throw new M2UGenException("The stream of updates ended without its result.");
    }
}
