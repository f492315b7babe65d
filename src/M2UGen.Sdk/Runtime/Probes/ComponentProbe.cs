using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Runtime.Probes;

/// <summary>What a component gave when it was exported, or why nobody looked.</summary>
internal sealed record ComponentProbe
{
    /// <summary>Why there are no numbers; null where there are.</summary>
    public string? NotProbed { get; init; }

    /// <summary>How far a run may be from the recorded numbers, see <see cref="OutputProbe.Deviation"/>; above 0, at most 1.</summary>
    public double Tolerance { get; init; }

    /// <summary>The numbers by output.</summary>
    public SortedDictionary<string, OutputProbe> Outputs { get; init => field = value ?? []; } = [];

    /// <summary>
    /// What kernels of other processors may differ by. In float32 only the order of additions differs. In float16 some processors round every intermediate result, others none. With
    /// matrices of integers kernels round activations to 8 bits in ways of their own, or not at all: between these two the tiny models deviate by 0.026 over 20 layers.
    /// </summary>
    /// <param name="precision">The component's, as the manifest has it.</param>
    public static double ToleranceOf(string precision) => precision switch
    {
        "float32" => 1e-3,
        "float16" => 5e-2,
        _ => 1e-1,
    };

    /// <summary>The largest deviation of a run's outputs, and where it is.</summary>
    /// <param name="description">The component, for the kinds of its outputs.</param>
    /// <param name="found">What the run gave.</param>
    public (double Deviation, string Output) Compare(BundleComponent description, SortedDictionary<string, OutputProbe> found)
    {
        (double Deviation, string Output) worst = (0, "");
        foreach ((string name, OutputProbe recorded) in Outputs)
        {
            bool isFloating = description.Outputs.Single(output => output.Name == name).Kind is TensorElementKind.Float or TensorElementKind.Float16;
            double deviation = found.TryGetValue(name, out OutputProbe? output) ? OutputProbe.Deviation(recorded, output, isFloating) : double.PositiveInfinity;
            if (deviation > worst.Deviation || worst.Output.Length == 0)
            {
                worst = (deviation, name);
            }
        }

        return worst;
    }
}
