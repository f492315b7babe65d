using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>The numbers of component <c>unet</c>.</summary>
/// <param name="InChannels">Channels of the latents.</param>
/// <param name="OutChannels">Channels of the prediction.</param>
internal sealed record UNetConfig(int InChannels, int OutChannels)
{
    /// <summary>Reads the bundle's numbers.</summary>
    /// <exception cref="ModelBundleException">One is missing or out of range.</exception>
    public static UNetConfig From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, UNet.Component);
        return new UNetConfig(numbers.Required("in_channels"), numbers.Required("out_channels"));
    }
}

/// <summary>What the UNet follows: with guidance the rows of all negative prompts first, then those of all prompts.</summary>
/// <param name="GeneratedPromptEmbeds">[rows, vectors, width]: GPT-2's vectors.</param>
/// <param name="PromptEmbeds">[rows, length, width]: T5's states.</param>
/// <param name="AttentionMask">[rows, length]: 1 for T5 states that are seen, 0 for padding.</param>
/// <param name="Rows">A multiple of the number of samples.</param>
internal sealed record UNetCondition(ReadOnlyMemory<float> GeneratedPromptEmbeds, ReadOnlyMemory<float> PromptEmbeds, ReadOnlyMemory<long> AttentionMask, int Rows);

/// <summary>AudioLDM2's UNet (arXiv:2308.05734): what is constant over the steps is computed when a request begins, then each step is one run. Thread-safe.</summary>
/// <param name="models">The bundle's components.</param>
/// <param name="config">The component's numbers.</param>
internal sealed class UNet(ModelSet models, UNetConfig config)
{
    /// <summary>One evaluation.</summary>
    public const string Component = "unet";

    /// <summary>Keys and values of the conditions.</summary>
    public const string ConditionComponent = "unet-condition";

    /// <summary>Time embeddings of all steps.</summary>
    public const string TimeComponent = "unet-time";

    /// <summary>The component's numbers.</summary>
    public UNetConfig Config { get; } = config;

    /// <summary>Prepares the evaluations of one request.</summary>
    /// <param name="condition">What to follow.</param>
    /// <param name="timesteps">Of every evaluation, in any order; a scheduler that evaluates a step twice lists it twice.</param>
    /// <param name="samples">Latents at once; the condition's rows are a multiple of it.</param>
    /// <param name="height">Rows of the latents: time.</param>
    /// <param name="width">Columns of the latents: frequency.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public UNetSession Begin(UNetCondition condition, ReadOnlySpan<float> timesteps, int samples, int height, int width, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(samples);
        if (condition.Rows % samples != 0)
        {
            throw new ArgumentException($"{condition.Rows} rows of conditions for {samples} samples; expected a multiple.", nameof(condition));
        }

        UNetSession session = new(models.Get(Component), Config, samples, condition.Rows, height, width);
        try
        {
            session.Embed(models.Get(TimeComponent), timesteps, cancellationToken);
            session.Attend(models.Get(ConditionComponent), condition, cancellationToken);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }
}
