using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Runtime.Probes;

/// <summary>Runs a component on a probe's inputs.</summary>
internal static class ProbeRun
{
    /// <summary>Whether a component's output is part of a probe: caches are not, they show in what the last step makes of them.</summary>
    public static bool Counts(TensorSpec output) => !output.Name.StartsWith("present.", StringComparison.Ordinal);

    /// <summary>Runs every step of the plan.</summary>
    /// <returns>What is kept of each output of the last step.</returns>
    /// <exception cref="InferenceException">The runtime failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static SortedDictionary<string, OutputProbe> Run(IOnnxModel model, ProbePlan plan, CancellationToken cancellationToken)
    {
        Dictionary<string, NativeTensor> caches = new(StringComparer.Ordinal);
        try
        {
            foreach (ProbeInput input in plan.Inputs.Where(input => input.Content == ProbeContent.Cache))
            {
                caches.Add(input.Spec.Name, input.Create(plan.ShapeOf(input, plan.Steps[0]), plan.Steps[0]));
            }

            SortedDictionary<string, OutputProbe> outputs = new(StringComparer.Ordinal);
            foreach (ProbeStep step in plan.Steps)
            {
                outputs = Run(model, plan, step, caches, cancellationToken);
            }

            return outputs;
        }
        finally
        {
            Free(caches.Values);
        }
    }

    private static SortedDictionary<string, OutputProbe> Run(IOnnxModel model, ProbePlan plan, ProbeStep step, Dictionary<string, NativeTensor> caches, CancellationToken cancellationToken)
    {
        BundleComponent description = model.Description;
        List<NativeTensor> owned = [];
        try
        {
            using IModelRun run = model.CreateRun();
            foreach (ProbeInput input in plan.Inputs)
            {
                if (caches.TryGetValue(input.Spec.Name, out NativeTensor? cache))
                {
                    run.BindInput(input.Spec.Name, cache);
                    if (description.Outputs.Any(output => output.Name == input.PresentName))
                    {
                        run.BindOutput(input.PresentName, cache);
                    }

                    continue;
                }

                NativeTensor tensor = input.Create(plan.ShapeOf(input, step), step);
                owned.Add(tensor);
                run.BindInput(input.Spec.Name, tensor);
            }

            string[] names = [.. description.Outputs.Where(Counts).Select(output => output.Name)];
            foreach (string name in names)
            {
                run.BindOutputToAllocated(name);
            }

            run.Run(cancellationToken);
            SortedDictionary<string, OutputProbe> outputs = new(StringComparer.Ordinal);
            foreach (string name in names)
            {
                using NativeTensor tensor = run.TakeOutput(name);
                outputs.Add(name, OutputProbe.Of(tensor));
            }

            return outputs;
        }
        finally
        {
            Free(owned);
        }
    }

    private static void Free(IEnumerable<NativeTensor> tensors)
    {
        foreach (NativeTensor tensor in tensors)
        {
            tensor.Dispose();
        }
    }
}
