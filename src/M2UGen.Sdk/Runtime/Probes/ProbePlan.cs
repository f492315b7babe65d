using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Runtime.Probes;

/// <summary>The small inputs on which a component is run to see whether it computes what it should, made by rule from the component's contract.</summary>
/// <remarks>The rules are part of what a recording means: another size or number here makes every recorded bundle deviate, so a change raises <see cref="ProbeFile.CurrentFormatVersion"/>.</remarks>
internal sealed class ProbePlan
{
    /// <summary>Input elements that a probe holds at most: a stranger's contract may not make us take any amount of memory.</summary>
    public const long MaxElements = 1L << 26;

    private const int PrefixRows = 2;
    private const int FirstTokens = 5;

    // More than the positions that are fed, so that the operators see a cache with room.
    private const int Capacity = 16;

    private const int TextLength = 6;
    private const int Frames = 8;

    private readonly string _component;
    private readonly JsonObject _config;

    private ProbePlan(string component, BundleComponent description, IReadOnlyList<ProbeInput> inputs)
    {
        _component = component;
        _config = description.Config;
        Inputs = inputs;
        if (inputs.Any(input => input.Content == ProbeContent.Cache))
        {
            int prefix = inputs.Any(input => input.Spec.Dimensions.Any(dimension => dimension.Symbol == "prefix")) ? PrefixRows : 0;
            Steps = [new ProbeStep(0, prefix, FirstTokens), new ProbeStep(prefix + FirstTokens, 0, 1)];
        }
        else
        {
            Steps = [new ProbeStep(0, 0, FirstTokens)];
        }
    }

    /// <summary>All inputs of the component.</summary>
    public IReadOnlyList<ProbeInput> Inputs { get; }

    /// <summary>The runs, in order, over one cache. What the last one gives is what counts.</summary>
    public IReadOnlyList<ProbeStep> Steps { get; }

    /// <summary>Elements of all inputs of the first step, which is the largest.</summary>
    public long ElementCount { get; private set; }

    /// <summary>Makes the plan for a component.</summary>
    /// <param name="component">Its name in the manifest.</param>
    /// <param name="description">What the manifest says of it.</param>
    /// <param name="reason">Where there is no plan: why, as a clause.</param>
    /// <returns>The plan, or null where no rule gives an input's size or contents.</returns>
    public static ProbePlan? Make(string component, BundleComponent description, out string reason)
    {
        List<ProbeInput> inputs = [];
        foreach (TensorSpec spec in description.Inputs)
        {
            if (ProbeInput.Find(description, spec) is not { } input)
            {
                reason = $"no rule fills its input '{spec}'";
                return null;
            }

            inputs.Add(input);
        }

        ProbePlan plan = new(component, description, inputs);
        foreach (ProbeInput input in inputs)
        {
            if (plan.TryShape(input.Spec, plan.Steps[0]) is not { } shape)
            {
                reason = $"no rule gives the sizes of its input '{input.Spec}'";
                return null;
            }

            plan.ElementCount = Math.Min(long.MaxValue / 2, plan.ElementCount) + Count(shape);
        }

        reason = plan.ElementCount > MaxElements ? $"its inputs have more than {MaxElements} numbers" : "";
        return plan.ElementCount > MaxElements ? null : plan;
    }

    /// <summary>The shape of an input in a step.</summary>
    public long[] ShapeOf(ProbeInput input, ProbeStep step) =>
        TryShape(input.Spec, step) ?? throw new InvalidOperationException($"No rule gives the sizes of '{input.Spec}'.");

    private long[]? TryShape(TensorSpec spec, ProbeStep step)
    {
        long[] shape = new long[spec.Dimensions.Count];
        for (int i = 0; i < shape.Length; i++)
        {
            TensorDimension dimension = spec.Dimensions[i];
            if ((dimension.Symbol is { } symbol ? SizeOf(symbol, step) : dimension.Size) is not (>= 0 and long size))
            {
                return null;
            }

            shape[i] = size;
        }

        return shape;
    }

    /// <summary>The size that a probe gives to a dimension that may vary, by its name and, where the name means several things, by the component.</summary>
    private long? SizeOf(string symbol, ProbeStep step) => (_component, symbol) switch
    {
        (_, "batch" or "cross_batch") => 1,
        (_, "sequence" or "sequence_length") or ("gpt2", "tokens") => step.Fed,
        (_, "positions") => step.Positions,
        (_, "prefix") => step.Prefix,
        (_, "capacity") => Capacity,
        (_, "text" or "tokens" or "prompt" or "t5_tokens" or "clap_tokens" or "generated") => TextLength,
        (_, "frames" or "height" or "width") => Frames,
        (_, "steps") => 3,
        (_, "context") => 0,
        ("unet", "samples") => 1,
        ("encodec-encoder", "samples") => Frames * ProbeInput.Number(_config, "samples_per_frame"),
        ("mert", "samples") => Frames * ProbeInput.Number(_config, "min_samples"),
        _ => null,
    };

    private static long Count(long[] shape)
    {
        long count = 1;
        foreach (long size in shape)
        {
            count = size != 0 && count > MaxElements / size ? MaxElements + 1 : count * size;
        }

        return count;
    }
}
