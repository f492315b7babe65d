namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>One request's piece of music while it is made, alone or beside others: its plan, its codes, its sound. What it becomes depends on the request and its seed, not on its neighbours.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class MusicGenPiece : IDisposable
{
    // Progress between two chunks of sound; often enough to watch, seldom enough not to matter.
    private const int StepsPerReport = 25;

    private readonly IMusicSink _sink;
    private readonly EncodecDecoder _codec;
    private readonly int _channels;
    private AudioEmitter? _emitter;
    private int _steps;

    /// <param name="decoder">Who makes it.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="plan">Its length and passes.</param>
    /// <param name="seed">Start of its random sequences.</param>
    /// <param name="sink">Receives sound and progress.</param>
    public MusicGenPiece(MusicGenDecoder decoder, MusicDecoderRequest request, MusicGenPlan plan, ulong seed, IMusicSink sink)
    {
        MusicGenConfig config = decoder.Config;
        _codec = decoder.Codec;
        _channels = config.Channels;
        _sink = sink;
        Request = request;
        Plan = plan;
        Seed = seed;
        Frames = new CodeFrames(config.Codebooks, plan.FrameCount);
        Track = new CodebookTrack(config, Frames, CodeChooser.Create(config, request.Options, seed, Frames.Rows), request.Options.GuidanceScale ?? config.Defaults.GuidanceScale);
    }

    public MusicDecoderRequest Request { get; }

    public MusicGenPlan Plan { get; }

    public ulong Seed { get; }

    /// <summary>Its codes, those of an audio prompt first.</summary>
    public CodeFrames Frames { get; }

    /// <summary>Its rows of a sequence.</summary>
    public CodebookTrack Track { get; }

    /// <summary>The piece, once it is made.</summary>
    public MusicDecoding? Result { get; private set; }

    /// <summary>Reports that it waits for its turn.</summary>
    public void Wait() => _sink.Report(new StageProgress(GenerationStage.Music, 0, Plan.Steps));

    /// <summary>Begins to turn codes into sound; the prompt's are there.</summary>
    public void Begin() => _emitter = new AudioEmitter(_codec, Frames, Plan, _channels, _sink);

    /// <summary>Looks at what a step of the sequence brought, and hands on what sound became certain. With its own last step the piece ends, whatever its neighbours still do.</summary>
    public void Stepped(CancellationToken cancellationToken)
    {
        if (_steps == Track.Steps)
        {
            return;
        }

        _steps = Track.Steps;
        bool isLast = _steps == Plan.Steps;
        if (_steps % StepsPerReport == 0 || isLast)
        {
            _sink.Report(new StageProgress(GenerationStage.Music, _steps, Plan.Steps));
        }

        _emitter!.Advance(cancellationToken);
        if (isLast)
        {
            End(cancellationToken);
        }
    }

    public void Dispose()
    {
        _emitter?.Dispose();
        _emitter = null;
    }

    private void End(CancellationToken cancellationToken)
    {
        _emitter!.Finish(cancellationToken);
        Result = new MusicDecoding
        {
            Audio = AudioClip.Own(_emitter.Audio, _codec.Config.SampleRate, _channels),
            Seed = Seed,
            Steps = _steps,
            Codes = Codes(),
        };
        Dispose();
    }

    private int[][] Codes()
    {
        int[][] codes = new int[Frames.Rows][];
        for (int row = 0; row < codes.Length; row++)
        {
            codes[row] = Array.ConvertAll(Frames.Row(row, 0, Frames.Count).ToArray(), code => (int)code);
        }

        return codes;
    }
}
