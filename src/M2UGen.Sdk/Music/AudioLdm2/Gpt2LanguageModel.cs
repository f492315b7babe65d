using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>The numbers of component <c>gpt2</c>.</summary>
/// <param name="Layers">Layers.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="HeadSize">Width of a head as the graph has it, padding included.</param>
/// <param name="HiddenSize">Width of a vector.</param>
/// <param name="MaxPositions">Rows of the position table.</param>
/// <param name="NewTokens">Vectors that it generates: 8 as published.</param>
internal sealed record Gpt2Config(int Layers, int Heads, int HeadSize, int HiddenSize, int MaxPositions, int NewTokens)
{
    /// <summary>Reads the bundle's numbers.</summary>
    /// <exception cref="ModelBundleException">One is missing or out of range.</exception>
    public static Gpt2Config From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, Gpt2LanguageModel.Component);
        return new Gpt2Config(
            numbers.Required("layers", most: 4096),
            numbers.Required("heads", most: 4096),
            numbers.Required("head_size", most: 4096),
            numbers.Required("hidden_size", most: 1 << 20),
            numbers.Required("max_positions", most: 1 << 20),
            numbers.Required("new_tokens", most: 1 << 12));
    }
}

/// <summary>Continues the projected text by vectors, each made from all before it (diffusers, generate_language_model). Thread-safe.</summary>
/// <remarks>
/// <code>
/// [rows] ── gpt2 ── v1 ── gpt2 ── v2 ── … ── v8        the first call fills the cache with the rows, each further one with a vector
/// </code>
/// The last vector is never fed back. Hidden rows keep their place in the cache and are seen by nobody.
/// </remarks>
/// <param name="models">The bundle's components.</param>
/// <param name="config">The component's numbers.</param>
internal sealed class Gpt2LanguageModel(ModelSet models, Gpt2Config config)
{
    /// <summary>The component's name.</summary>
    public const string Component = "gpt2";

    /// <summary>The component's numbers.</summary>
    public Gpt2Config Config { get; } = config;

    /// <summary>Generates.</summary>
    /// <param name="rows">[batch, n, width] and their mask; the last row of each must be visible.</param>
    /// <param name="positions">[batch, n]: which row of the position table each has. Generated vectors go on behind the last.</param>
    /// <param name="cancellationToken">Stops between vectors, or inside a run.</param>
    /// <returns>[batch, <see cref="Gpt2Config.NewTokens"/>, width].</returns>
    /// <exception cref="InferenceException">The rows go beyond the position table.</exception>
    public float[] Generate(ConditioningRows rows, ReadOnlySpan<long> positions, CancellationToken cancellationToken)
    {
        (int batch, int length, int width) = (rows.Batch, rows.Length, Config.HiddenSize);
        long[] last = LastPositions(positions, batch, length);
        int capacity = length + Config.NewTokens - 1;
        IOnnxModel model = models.Get(Component);
        using KVCache cache = new(model, Config.Layers, batch, Config.Heads, capacity, Config.HeadSize);
        using NativeTensor prompt = NativeTensor.Of<float>(rows.States, batch, length, width);
        using NativeTensor promptPositions = NativeTensor.Of(positions, batch, length);
        using NativeTensor mask = NativeTensor.Allocate<long>(batch, capacity);
        using NativeTensor lastIndex = NativeTensor.Allocate<int>(batch);
        using NativeTensor total = NativeTensor.Allocate<int>();
        using NativeTensor vector = NativeTensor.Allocate<float>(batch, 1, width);
        using NativeTensor vectorPosition = NativeTensor.Of<long>(last, batch, 1);
        using NativeTensor next = NativeTensor.Allocate<float>(batch, 1, width);
        mask.AsSpan<long>().Fill(1);
        for (int row = 0; row < batch; row++)
        {
            rows.Mask.AsSpan(row * length, length).CopyTo(mask.AsSpan<long>()[(row * capacity)..]);
        }

        float[] generated = new float[batch * Config.NewTokens * width];
        using IModelRun run = model.CreateRun();
        run.BindInput("inputs_embeds", prompt);
        run.BindInput("position_ids", promptPositions);
        run.BindInput("attention_mask", mask);
        run.BindInput("seqlens_k", lastIndex);
        run.BindInput("total_sequence_length", total);
        run.BindOutput("next_embeds", next);
        cache.Bind(run);
        for (int i = 0; i < Config.NewTokens; i++)
        {
            if (i == 1)
            {
                run.BindInput("inputs_embeds", vector);
                run.BindInput("position_ids", vectorPosition);
            }

            lastIndex.AsSpan<int>().Fill(length + i - 1);
            total.AsSpan<int>()[0] = length + i;
            run.Run(cancellationToken);
            next.AsSpan<float>().CopyTo(vector.AsSpan<float>());
            for (int row = 0; row < batch; row++)
            {
                next.AsSpan<float>().Slice(row * width, width).CopyTo(generated.AsSpan(((row * Config.NewTokens) + i) * width));
                vectorPosition.AsSpan<long>()[row]++;
            }
        }

        return generated;
    }

    /// <summary>Each row's last position.</summary>
    private long[] LastPositions(ReadOnlySpan<long> positions, int batch, int length)
    {
        long[] last = new long[batch];
        for (int row = 0; row < batch; row++)
        {
            last[row] = positions[((row + 1) * length) - 1];
            if (last[row] + Config.NewTokens > Config.MaxPositions)
            {
                throw new InferenceException(Component, $"The prompt ends at position {last[row]} and {Config.NewTokens} vectors follow; GPT-2 has {Config.MaxPositions} positions. Shorten the prompt.");
            }
        }

        return last;
    }
}
