using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>The numbers of component <c>projection</c>.</summary>
/// <param name="ClapWidth">Width of CLAP's embedding.</param>
/// <param name="T5Width">Width of T5's states.</param>
/// <param name="Width">Width of GPT-2.</param>
internal sealed record ProjectionConfig(int ClapWidth, int T5Width, int Width)
{
    /// <summary>Reads the bundle's numbers.</summary>
    /// <exception cref="ModelBundleException">One is missing or out of range.</exception>
    public static ProjectionConfig From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, ProjectionModel.Component);
        return new ProjectionConfig(
            numbers.Required("clap_width", most: 1 << 20),
            numbers.Required("t5_width", most: 1 << 20),
            numbers.Required("width", most: 1 << 20));
    }
}

/// <summary>What both text encoders say as one sequence for GPT-2 (diffusers, AudioLDM2ProjectionModel). Thread-safe.</summary>
/// <param name="models">The bundle's components.</param>
/// <param name="config">The component's numbers.</param>
internal sealed class ProjectionModel(ModelSet models, ProjectionConfig config)
{
    /// <summary>The component's name.</summary>
    public const string Component = "projection";

    /// <summary>Rows before T5's: start, CLAP's embedding, end, start.</summary>
    public const int RowsBefore = 4;

    /// <summary>Rows behind T5's: end.</summary>
    public const int RowsBehind = 1;

    /// <summary>The component's numbers.</summary>
    public ProjectionConfig Config { get; } = config;

    /// <summary>Runs the graph.</summary>
    /// <param name="clap">[batch, CLAP's width].</param>
    /// <param name="t5">[batch, n, T5's width] with their mask.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    /// <returns>[batch, n + 5, width] and their mask: start, CLAP, end, start, T5's rows, end.</returns>
    public ConditioningRows Project(ReadOnlySpan<float> clap, ConditioningRows t5, CancellationToken cancellationToken)
    {
        int rows = t5.Length + RowsBefore + RowsBehind;
        using IModelRun run = models.Get(Component).CreateRun();
        using NativeTensor clapStates = NativeTensor.Of(clap, t5.Batch, 1, Config.ClapWidth);
        using NativeTensor clapMask = NativeTensor.Allocate<long>(t5.Batch, 1);
        using NativeTensor t5States = NativeTensor.Of<float>(t5.States, t5.Batch, t5.Length, t5.Width);
        using NativeTensor t5Mask = NativeTensor.Of<long>(t5.Mask, t5.Batch, t5.Length);
        using NativeTensor states = NativeTensor.Allocate<float>(t5.Batch, rows, Config.Width);
        using NativeTensor mask = NativeTensor.Allocate<long>(t5.Batch, rows);
        clapMask.AsSpan<long>().Fill(1);
        run.BindInput("clap_hidden_states", clapStates);
        run.BindInput("clap_attention_mask", clapMask);
        run.BindInput("t5_hidden_states", t5States);
        run.BindInput("t5_attention_mask", t5Mask);
        run.BindOutput("hidden_states", states);
        run.BindOutput("attention_mask", mask);
        run.Run(cancellationToken);
        return new ConditioningRows(states.AsSpan<float>().ToArray(), mask.AsSpan<long>().ToArray(), t5.Batch, rows, Config.Width);
    }
}
