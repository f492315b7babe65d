namespace M2UGen.Sdk;

/// <summary>What a request will take of memory, predicted from the bundle's manifest and graphs; no weights are read for it.</summary>
/// <remarks>
/// Anonymous memory is the process's own and cannot be dropped; mapped memory are pages of the bundle's files, which the system takes back where it needs room, and counts apart.
/// Predictions are for the processor (docs/how-to/memory.md says how near they come); on a GPU the weights are elsewhere. Immutable.
/// </remarks>
public sealed record MemoryPlan
{
    /// <summary>The parts of the request in order, each with what is loaded meanwhile.</summary>
    public required IReadOnlyList<MemoryPlanStep> Steps { get; init; }

    /// <summary>What the process takes before anything is loaded, in bytes: .NET, the native library, this library's small parts.</summary>
    public required long BaseBytes { get; init; }

    /// <summary>The limit that the plan keeps; null: none, and every component stays loaded.</summary>
    public long? BudgetBytes { get; init; }

    /// <summary>The step with the most anonymous memory.</summary>
    public MemoryPlanStep Peak => Steps.MaxBy(step => step.AnonymousBytes)!;

    /// <summary>The most anonymous memory at any moment, in bytes.</summary>
    public long PeakBytes => Peak.AnonymousBytes;

    /// <summary>The most pages of mapped files at any moment, in bytes.</summary>
    public long PeakMappedBytes => Steps.Max(step => step.MappedBytes);

    /// <summary>Whether a component is unloaded before the request ends, so that the next request has to load it again.</summary>
    public bool Unloads => Steps.Any(step => step.Unloads.Count > 0);

    /// <summary>Plans a request to the bundle in <paramref name="bundlePath"/>, from a process that has loaded nothing yet.</summary>
    /// <exception cref="ArgumentException">The path is empty, an option is out of its range, or music cannot be so long.</exception>
    /// <exception cref="ModelBundleException">The directory is no bundle, or an incomplete, damaged or newer one.</exception>
    /// <exception cref="MemoryBudgetException">The request does not fit the budget, whatever is unloaded.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle lacks a part that the request needs.</exception>
    public static MemoryPlan For(string bundlePath, MemoryPlanOptions options)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(bundlePath);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        Pipeline.Memory.MemoryPlanner planner = new(Runtime.Bundles.ModelBundle.OpenChecked(bundlePath));
        MemoryPlan plan = planner.Plan(planner.DemandOf(options), options.Memory, options.Budget);
        return plan.Steps.Count > 0
            ? plan
            : throw new UnsupportedCapabilityException("memory plan", $"Bundle '{bundlePath}' has no component that such a request uses. Plan music for a bundle without a language model, and an answer for one without a music decoder.");
    }
}

/// <summary>A part of a request during which the same components are in use.</summary>
/// <param name="Stage">The stage it belongs to.</param>
/// <param name="Components">The components in use.</param>
/// <param name="Loads">Those of them that are loaded for it.</param>
/// <param name="Unloads">Components that are unloaded before it begins.</param>
/// <param name="AnonymousBytes">Anonymous memory of the process at its fullest moment.</param>
/// <param name="MappedBytes">Pages of mapped files that are in memory, if the system keeps them all: most of them while a component is loaded.</param>
public sealed record MemoryPlanStep(GenerationStage Stage, IReadOnlyList<string> Components, IReadOnlyList<string> Loads, IReadOnlyList<string> Unloads, long AnonymousBytes, long MappedBytes);
