using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2;

/// <summary>A decoder over fake graphs: the UNet predicts a part of its sample and the mean of its row of conditions, the autoencoder repeats, the vocoder copies.</summary>
internal sealed class FakeAudioLdm2 : ICaptionEncoder, IWaveformScorer
{
    public const int Channels = 2;
    public const int Scale = 4;
    public const int Bins = 8;
    public const int SamplesPerFrame = 10;
    public const int Rate = 1000;
    public const int CaptionTokens = 6;

    private readonly Dictionary<string, FakeOnnxModel> _loaded = [];

    public FakeAudioLdm2(bool releaseStages = false)
    {
        Models = new ModelSet(component =>
        {
            Loads.Add(component);
            return _loaded[component] = Create(component);
        });
        Decoder = new AudioLdm2Decoder(Models, Config, this, this, releaseStages);
    }

    public AudioLdm2Config Config { get; } = new()
    {
        UNet = new UNetConfig(Channels, Channels),
        Vae = new VaeConfig(Channels, 1, Scale),
        Vocoder = new VocoderConfig(Bins, Rate, SamplesPerFrame, ExtraSamples: 2),
        CaptionTokens = CaptionTokens,
        EmbeddingPositions = CaptionTokens,
        SchedulerConfig = new SchedulerConfig(),
    };

    public ModelSet Models { get; }

    public AudioLdm2Decoder Decoder { get; }

    /// <summary>Components in the order they were loaded.</summary>
    public List<string> Loads { get; } = [];

    /// <summary>Rows of each of the UNet's runs.</summary>
    public List<long> UNetRows { get; } = [];

    /// <summary>Captions with the tokens that counted for each.</summary>
    public List<(string Caption, int Counted)> Encoded { get; } = [];

    /// <summary>Called in every run of the UNet.</summary>
    public Action<int>? OnUNet { get; set; }

    /// <summary>Scores handed out, by candidate.</summary>
    public double[] Scores { get; set; } = [0.1, 0.3, 0.2];

    public IReadOnlyList<string> Components => ["captions"];

    public int PromptWidth => 3;

    public int GeneratedWidth => 2;

    public int Vectors => 2;

    public int MaxTokens => CaptionTokens;

    public bool IsLoaded(string component) => _loaded.TryGetValue(component, out FakeOnnxModel? model) && !model.Disposed;

    public int LiveRuns => _loaded.Values.Sum(model => model.LiveRuns);

    public int CountTokens(string caption) => caption.Length + 1;

    public CaptionStates Encode(string caption, int paddedLength, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Models.Get("captions");
        Encoded.Add((caption, paddedLength));
        float value = 0.01f * (caption.Length + 1);
        float[] prompt = [.. Enumerable.Repeat(value, CountTokens(caption) * PromptWidth)];
        long[] mask = [.. Enumerable.Repeat(1L, CountTokens(caption))];
        return new CaptionStates(new[] { value, value, value, value }, Vectors, prompt, mask);
    }

    public double[] Score(string caption, IReadOnlyList<float[]> waveforms, int sampleRate, ulong seed, CancellationToken cancellationToken) => Scores[..waveforms.Count];

    public MusicDecoderRequest Request(MusicOptions? options = null, string? caption = "abc") => new()
    {
        Conditioning = new MusicConditioning { Caption = caption },
        Options = options ?? new MusicOptions { Seed = 7, Duration = TimeSpan.FromSeconds(0.2), Diffusion = new DiffusionOptions { Steps = 4 } },
    };

    private FakeOnnxModel Create(string component) => component switch
    {
        UNet.Component => new FakeOnnxModel(component, RunUNet)
        {
            Description = Describe([Spec("time_projections", 1, 1)], []),
        },
        UNet.TimeComponent => new FakeOnnxModel(component, (run, _) => run.Input("timesteps").AsSpan<float>().CopyTo(run.Output("time_projections").AsSpan<float>())),
        UNet.ConditionComponent => new FakeOnnxModel(component, RunCondition)
        {
            Description = Describe(
                [Spec("generated_prompt_embeds", "batch", "generated", GeneratedWidth), Spec("prompt_embeds", "batch", "prompt", PromptWidth)],
                [Spec("mean", "batch", 1)]),
        },
        VaeDecoder.Component => new FakeOnnxModel(component, RunVae),
        HifiGanVocoder.Component => new FakeOnnxModel(component, RunVocoder),
        _ => new FakeOnnxModel(component, (_, _) => { }),
    };

    private void RunUNet(FakeModelRun run, CancellationToken cancellationToken)
    {
        NativeTensor output = run.Output("out_sample");
        int rows = (int)output.Shape[0];
        UNetRows.Add(rows);
        OnUNet?.Invoke(UNetRows.Count);
        cancellationToken.ThrowIfCancellationRequested();
        Span<float> sample = run.Input("sample").AsSpan<float>();
        for (int row = 0; row < rows; row++)
        {
            float mean = run.Input("mean").AsSpan<float>()[row];
            Span<float> target = output.AsSpan<float>().Slice(row * sample.Length, sample.Length);
            for (int i = 0; i < sample.Length; i++)
            {
                target[i] = (0.5f * sample[i]) + mean;
            }
        }
    }

    private static void RunCondition(FakeModelRun run, CancellationToken cancellationToken)
    {
        NativeTensor generated = run.Input("generated_prompt_embeds");
        int rows = (int)generated.Shape[0];
        int length = (int)(generated.ElementCount / rows);
        for (int row = 0; row < rows; row++)
        {
            float sum = 0;
            foreach (float value in generated.AsSpan<float>().Slice(row * length, length))
            {
                sum += value;
            }

            run.Output("mean").AsSpan<float>()[row] = sum / length;
        }
    }

    // [1, channels, height, width] to [1, 1, height · scale, bins]: the first value of each row of latents, over and over.
    private static void RunVae(FakeModelRun run, CancellationToken cancellationToken)
    {
        NativeTensor latents = run.Input("latents");
        int width = (int)latents.Shape[3];
        Span<float> mel = run.Output("mel").AsSpan<float>();
        for (int i = 0; i < mel.Length; i++)
        {
            mel[i] = latents.AsSpan<float>()[i / Bins / Scale * width];
        }
    }

    private static void RunVocoder(FakeModelRun run, CancellationToken cancellationToken)
    {
        Span<float> waveform = run.Output("waveform").AsSpan<float>();
        Span<float> mel = run.Input("mel").AsSpan<float>();
        for (int i = 0; i < waveform.Length; i++)
        {
            waveform[i] = mel[Math.Min(mel.Length - 1, i / SamplesPerFrame * Bins)];
        }
    }

    private static M2UGen.Sdk.Runtime.Bundles.BundleComponent Describe(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => new()
    {
        Graph = "fake.onnx",
        Files = [],
        Precision = "float32",
        Inputs = inputs,
        Outputs = outputs,
    };

    private static TensorSpec Spec(string name, params TensorDimension[] dimensions) => new(name, TensorElementKind.Float, dimensions);
}

/// <summary>Remembers what a decoder sends.</summary>
internal sealed class RecordingMusicSink : IMusicSink
{
    public List<AudioChunk> Chunks { get; } = [];

    public List<StageProgress> Progress { get; } = [];

    public List<LatentPreview> Previews { get; } = [];

    public void Write(AudioChunk chunk) => Chunks.Add(chunk);

    public void Report(StageProgress progress) => Progress.Add(progress);

    public void Preview(LatentPreview preview) => Previews.Add(preview);
}
