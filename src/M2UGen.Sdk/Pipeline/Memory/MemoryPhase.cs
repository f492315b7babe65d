namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>A part of a request during which the same components are in use.</summary>
/// <param name="Stage">The stage it belongs to.</param>
/// <param name="Arenas">The components, and what their runs leave in their arenas, in bytes.</param>
/// <param name="WorkingBytes">What the request holds beside them: caches, buffers, media.</param>
internal sealed record MemoryPhase(GenerationStage Stage, IReadOnlyDictionary<string, long> Arenas, long WorkingBytes)
{
    /// <summary>Whether <see cref="MemoryPolicy.OneStageAtATime"/> frees before it what the phases before it used.</summary>
    /// <value>True.</value>
    public bool BeginsStage { get; init; } = true;

    /// <summary>The components in use.</summary>
    public IEnumerable<string> Components => Arenas.Keys;
}
