using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>The UNet's evaluations for one request: native memory that is bound once, so that a step allocates nothing. Not thread-safe.</summary>
internal sealed class UNetSession : IDisposable
{
    private const string SampleName = "sample";
    private const string TimeName = "time_projections";
    private const string OutputName = "out_sample";
    private const string BiasName = "cross_attention_bias";
    private const string MaskName = "attention_mask";
    private const string GeneratedName = "generated_prompt_embeds";
    private const string PromptName = "prompt_embeds";

    private readonly IModelRun _run;
    private readonly List<NativeTensor> _conditions = [];
    private readonly NativeTensor _sample;
    private readonly NativeTensor _output;
    private readonly NativeTensor _time;
    private float[] _times = [];

    internal UNetSession(IOnnxModel model, UNetConfig config, int samples, int rows, int height, int width)
    {
        _sample = NativeTensor.Allocate<float>(samples, config.InChannels, height, width);
        _output = NativeTensor.Allocate<float>(rows, config.OutChannels, height, width);
        _time = NativeTensor.Allocate<float>(1, model.Description.Inputs.Single(input => input.Name == TimeName).Dimensions[1].Size);
        _run = model.CreateRun();
        _run.BindInput(SampleName, _sample);
        _run.BindInput(TimeName, _time);
        _run.BindOutput(OutputName, _output);
    }

    /// <summary>[samples, channels, height, width]: the latents as the scheduler wants them seen, to be written before each evaluation.</summary>
    public Span<float> Sample => _sample.AsSpan<float>();

    /// <summary>[rows, channels, height, width]: the last evaluation's prediction; with guidance the negative prompts' rows first.</summary>
    public ReadOnlySpan<float> Output => _output.AsSpan<float>();

    /// <summary>What the conditions make of the graph's dimensions that vary: <c>batch</c>, <c>generated</c>, <c>prompt</c> (the states that any row sees).</summary>
    public IReadOnlyDictionary<string, long> ConditionSizes { get; private set; } = new Dictionary<string, long>();

    /// <summary>Evaluates the UNet once.</summary>
    /// <param name="index">Which of the timesteps given at the beginning.</param>
    /// <param name="cancellationToken">Stops the call, also inside the graph.</param>
    public void Run(int index, CancellationToken cancellationToken)
    {
        Span<float> row = _time.AsSpan<float>();
        _times.AsSpan(index * row.Length, row.Length).CopyTo(row);
        _run.Run(cancellationToken);
    }

    public void Dispose()
    {
        _run.Dispose();
        _sample.Dispose();
        _output.Dispose();
        _time.Dispose();
        foreach (NativeTensor tensor in _conditions)
        {
            tensor.Dispose();
        }
    }

    /// <summary>Runs the graph `unet-time`.</summary>
    internal void Embed(IOnnxModel model, ReadOnlySpan<float> timesteps, CancellationToken cancellationToken)
    {
        using IModelRun run = model.CreateRun();
        using NativeTensor steps = NativeTensor.Of(timesteps, timesteps.Length);
        using NativeTensor projections = NativeTensor.Allocate<float>(timesteps.Length, _time.ElementCount);
        run.BindInput("timesteps", steps);
        run.BindOutput(TimeName, projections);
        run.Run(cancellationToken);
        _times = projections.AsSpan<float>().ToArray();
    }

    /// <summary>Runs the graph `unet-condition` and binds what it gives to the steps.</summary>
    internal void Attend(IOnnxModel model, UNetCondition condition, CancellationToken cancellationToken)
    {
        using IModelRun run = model.CreateRun();
        List<NativeTensor> inputs = [];
        try
        {
            Dictionary<string, long> sizes = new(StringComparer.Ordinal) { ["batch"] = condition.Rows };
            if (WidthOf(model, GeneratedName) is { } generatedWidth)
            {
                long vectors = Rows(condition.GeneratedPromptEmbeds.Length, condition.Rows, generatedWidth, GeneratedName);
                sizes["generated"] = vectors;
                inputs.Add(NativeTensor.Of(condition.GeneratedPromptEmbeds.Span, condition.Rows, vectors, generatedWidth));
                run.BindInput(GeneratedName, inputs[^1]);
            }

            if (WidthOf(model, PromptName) is { } promptWidth)
            {
                int length = Rows(condition.PromptEmbeds.Length, condition.Rows, promptWidth, PromptName);
                int seen = SeenLength(condition.AttentionMask.Span, condition.Rows, length);
                sizes["prompt"] = seen;
                inputs.Add(Columns(condition.PromptEmbeds.Span, condition.Rows, length * promptWidth, seen * promptWidth, condition.Rows, seen, promptWidth));
                run.BindInput(PromptName, inputs[^1]);
                inputs.Add(Columns(condition.AttentionMask.Span, condition.Rows, length, seen, condition.Rows, seen));
                run.BindInput(MaskName, inputs[^1]);
            }

            foreach (TensorSpec output in model.Description.Outputs)
            {
                NativeTensor tensor = NativeTensor.Allocate(output.Kind, [.. output.Dimensions.Select(dimension => dimension.Symbol is { } symbol ? sizes[symbol] : dimension.Size)]);
                _conditions.Add(tensor);
                run.BindOutput(output.Name, tensor);
                _run.BindInput(output.Name, tensor);
            }

            run.Run(cancellationToken);
            ConditionSizes = sizes;
        }
        finally
        {
            foreach (NativeTensor tensor in inputs)
            {
                tensor.Dispose();
            }
        }
    }

    /// <summary>Positions up to the last that any row sees. What is hidden from a row that sees something has a weight of exactly zero, so leaving it out changes nothing.</summary>
    internal static int SeenLength(ReadOnlySpan<long> mask, int rows, int length)
    {
        int seen = 0;
        for (int row = 0; row < rows; row++)
        {
            int last = mask.Slice(row * length, length).LastIndexOfAnyExcept(0L);
            if (last < 0)
            {
                // A row that sees nothing sees everything alike.
                return length;
            }

            seen = Math.Max(seen, last + 1);
        }

        return seen;
    }

    private static int? WidthOf(IOnnxModel model, string input) => (int?)model.Description.Inputs.FirstOrDefault(spec => spec.Name == input)?.Dimensions[2].Size;

    private static int Rows(int elements, int batch, int width, string name) => elements > 0 && elements % (batch * width) == 0
        ? elements / (batch * width)
        : throw new ArgumentException($"{elements} values of {name} are no {batch} rows of vectors of {width}.", nameof(elements));

    /// <summary>The first <paramref name="kept"/> elements of each row.</summary>
    private static NativeTensor Columns<T>(ReadOnlySpan<T> elements, int rows, int stride, int kept, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        NativeTensor tensor = NativeTensor.Allocate<T>(shape);
        for (int row = 0; row < rows; row++)
        {
            elements.Slice(row * stride, kept).CopyTo(tensor.AsSpan<T>()[(row * kept)..]);
        }

        return tensor;
    }
}
