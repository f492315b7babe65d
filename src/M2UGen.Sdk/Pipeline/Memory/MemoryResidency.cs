using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>Follows which components are loaded while a request goes through its phases, and decides which give way.</summary>
/// <remarks>
/// Everything stays loaded as long as it fits. Where it does not, the component goes whose next use is the furthest away; those that this request no longer needs go before all
/// others, and of several the one that frees the most. When nothing but the phase's own components is left, the request does not fit.
/// </remarks>
/// <param name="phases">The request's phases.</param>
/// <param name="weightsOf">What a loaded component takes.</param>
/// <param name="baseBytes">What the process takes beside all components.</param>
/// <param name="loaded">Components that are loaded before the request, and what earlier runs left in their arenas.</param>
internal sealed class MemoryResidency(IReadOnlyList<MemoryPhase> phases, Func<string, WeightMemory> weightsOf, long baseBytes, IReadOnlyDictionary<string, long> loaded)
{
    // What each loaded component's runs have left in its arena so far.
    private readonly Dictionary<string, long> _arenas = new(loaded, StringComparer.Ordinal);

    /// <summary>Enters the next phase.</summary>
    /// <exception cref="MemoryBudgetException">It does not fit.</exception>
    public MemoryPlanStep Enter(int index, MemoryPolicy policy, long? budget)
    {
        MemoryPhase phase = phases[index];
        List<string> unloads = [];
        if (policy == MemoryPolicy.OneStageAtATime && phase.BeginsStage)
        {
            unloads.AddRange(_arenas.Keys.Except(phase.Components));
        }

        foreach (string component in unloads)
        {
            _arenas.Remove(component);
        }

        List<string> loads = [.. phase.Components.Where(component => !_arenas.ContainsKey(component))];
        foreach ((string component, long arena) in phase.Arenas)
        {
            _arenas[component] = Math.Max(_arenas.GetValueOrDefault(component), arena);
        }

        while (budget is { } limit && AnonymousBytes(phase) > limit)
        {
            string? victim = _arenas.Keys.Except(phase.Components).OrderByDescending(component => NextUse(component, index)).ThenByDescending(BytesOf).ThenBy(component => component, StringComparer.Ordinal).FirstOrDefault();
            if (victim is null)
            {
                throw new MemoryBudgetException(AnonymousBytes(phase), limit, phase.Stage, [.. phase.Components]);
            }

            _arenas.Remove(victim);
            unloads.Add(victim);
        }

        return new MemoryPlanStep(phase.Stage, [.. phase.Components], loads, unloads, AnonymousBytes(phase), MappedBytes(loads));
    }

    private int NextUse(string component, int index)
    {
        for (int i = index + 1; i < phases.Count; i++)
        {
            if (phases[i].Arenas.ContainsKey(component))
            {
                return i;
            }
        }

        return int.MaxValue;
    }

    /// <summary>What runs read, and what the largest of the phase's new components is copied from while it is loaded.</summary>
    private long MappedBytes(List<string> loads) =>
        _arenas.Keys.Sum(component => weightsOf(component).MappedBytes) + loads.Select(component => weightsOf(component).LoadingBytes).DefaultIfEmpty().Max();

    private long AnonymousBytes(MemoryPhase phase) => baseBytes + phase.WorkingBytes + _arenas.Keys.Sum(BytesOf);

    private long BytesOf(string component) => weightsOf(component).AnonymousBytes + _arenas[component];
}
