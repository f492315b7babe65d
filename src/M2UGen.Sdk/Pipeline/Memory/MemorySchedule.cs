namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>A plan while it is carried out: which components give way before another one is loaded. Belongs to one request at a time; not thread-safe.</summary>
/// <param name="steps">The plan's steps.</param>
internal sealed class MemorySchedule(IReadOnlyList<MemoryPlanStep> steps)
{
    private int _current = -1;

    /// <summary>Tells that a component is about to be used.</summary>
    /// <returns>What is to be unloaded first; empty while the request is still in a step that uses the component, or where the plan does not know it.</returns>
    public IReadOnlyList<string> Enter(string component)
    {
        if (_current >= 0 && steps[_current].Components.Contains(component))
        {
            return [];
        }

        for (int next = _current + 1; next < steps.Count; next++)
        {
            if (steps[next].Components.Contains(component))
            {
                // Steps in between were left out, such as the music of an answer that asks for none.
                string[] gone = [.. steps.Take(next + 1).Skip(_current + 1).SelectMany(step => step.Unloads).Except(steps[next].Components).Distinct()];
                _current = next;
                return gone;
            }
        }

        return [];
    }
}
