using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Runtime.Probes;

/// <summary>An input of a component with the rule that fills it. The contents are a function of the input's name and kind and of the sizes alone.</summary>
/// <param name="Spec">The input.</param>
/// <param name="Content">The rule.</param>
/// <param name="Range">How many different numbers <see cref="ProbeContent.Ids"/> may take.</param>
/// <param name="Padding">The number that is none of them.</param>
internal sealed record ProbeInput(TensorSpec Spec, ProbeContent Content, long Range = 0, long Padding = -1)
{
    private const string CachePrefix = "past_key_values.";

    // Normalised keys and values seldom exceed 6, which is 120 of these.
    private const double CacheScale = 0.05;

    private const double FirstTime = 981;
    private const double TimeStep = 240;

    /// <summary>Finds the rule for an input, by its name.</summary>
    /// <param name="component">The component that takes it.</param>
    /// <param name="spec">The input.</param>
    /// <returns>The input with its rule, or null where there is none.</returns>
    public static ProbeInput? Find(BundleComponent component, TensorSpec spec)
    {
        bool isFloating = spec.Kind is TensorElementKind.Float or TensorElementKind.Float16;
        bool isWhole = spec.Kind is TensorElementKind.Int64 or TensorElementKind.Int32;
        if (spec.Name.StartsWith(CachePrefix, StringComparison.Ordinal) && !spec.Name.EndsWith("_scale", StringComparison.Ordinal))
        {
            return isFloating || spec.Kind is TensorElementKind.Int8 ? new ProbeInput(spec, ProbeContent.Cache) : null;
        }

        ProbeContent? content = spec.Name switch
        {
            "seqlens_k" when isWhole => ProbeContent.LastPosition,
            "total_sequence_length" when isWhole => ProbeContent.TotalPositions,
            "position_ids" when isWhole => ProbeContent.Positions,
            "drop_left" or "drop_right" when isWhole => ProbeContent.Zeros,
            "is_longer" when spec.Kind == TensorElementKind.Bool => ProbeContent.Ones,
            "cross_attention_bias" when isFloating => ProbeContent.Zeros,
            "timesteps" when isFloating => ProbeContent.Times,
            _ when spec.Name.EndsWith("attention_mask", StringComparison.Ordinal) && isWhole => ProbeContent.Ones,
            _ when spec.Name.EndsWith("_scale", StringComparison.Ordinal) && isFloating => ProbeContent.CacheScale,
            _ when isFloating => ProbeContent.Noise,
            _ => null,
        };
        if (content is { } found)
        {
            return new ProbeInput(spec, found);
        }

        long? range = spec.Name switch
        {
            "input_ids" when isWhole => Number(component.Config, "vocab_size"),
            "codes" when isWhole => Number(component.Config, "codebook_size"),
            _ => null,
        };
        return range is > 1 ? new ProbeInput(spec, ProbeContent.Ids, range.Value, Number(component.Config, "pad_token_id") ?? -1) : null;
    }

    /// <summary>The output that takes the place of a cache behind the run.</summary>
    public string PresentName => $"present.{Spec.Name[CachePrefix.Length..]}";

    /// <summary>A number of a component's configuration from 0 to 2^30, or null where there is none such.</summary>
    public static long? Number(JsonObject config, string name) =>
        config[name] is JsonValue value && value.TryGetValue(out long number) && number is >= 0 and <= 1 << 30 ? number : null;

    /// <summary>Makes the tensor for a step.</summary>
    public NativeTensor Create(long[] shape, ProbeStep step)
    {
        CounterRandom random = new(SeedOf(Spec.Name));
        long last = shape.Length == 0 ? 1 : Math.Max(1, shape[^1]);
        Func<long, double> element = Content switch
        {
            ProbeContent.Noise => _ => ((random.NextUInt32() >> 8) * (1.0 / (1 << 23))) - 1,
            ProbeContent.Ids => _ => Id(random.NextUInt32() % Range),
            ProbeContent.Ones => _ => 1,
            ProbeContent.Positions => i => step.Past + (i % last),
            ProbeContent.LastPosition => _ => step.Total - 1,
            ProbeContent.TotalPositions => _ => step.Total,
            ProbeContent.Times => i => Math.Max(1, FirstTime - (i * TimeStep)),
            ProbeContent.CacheScale => _ => CacheScale,
            _ => _ => 0,
        };
        return Spec.Kind switch
        {
            TensorElementKind.Float => Fill(shape, i => (float)element(i)),
            TensorElementKind.Float16 => Fill(shape, i => (Half)element(i)),
            TensorElementKind.Int64 => Fill(shape, i => (long)element(i)),
            TensorElementKind.Int32 => Fill(shape, i => (int)element(i)),
            TensorElementKind.Int8 => Fill(shape, i => (sbyte)element(i)),
            TensorElementKind.Bool => Fill(shape, i => element(i) != 0),
            _ => throw new InvalidOperationException($"No rule fills {Spec.Kind}."),
        };
    }

    private static NativeTensor Fill<T>(long[] shape, Func<long, T> element)
        where T : unmanaged
    {
        NativeTensor tensor = NativeTensor.Allocate<T>(shape);
        Span<T> elements = tensor.AsSpan<T>();
        for (int i = 0; i < elements.Length; i++)
        {
            elements[i] = element(i);
        }

        return tensor;
    }

    /// <summary>FNV-1a of the name: string.GetHashCode differs from run to run.</summary>
    private static ulong SeedOf(string name)
    {
        ulong hash = 14695981039346656037;
        foreach (char character in name)
        {
            hash = (hash ^ character) * 1099511628211;
        }

        return hash;
    }

    private long Id(long id) => id == Padding ? (id + 1) % Range : id;
}
