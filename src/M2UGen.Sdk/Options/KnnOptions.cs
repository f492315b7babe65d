namespace M2UGen.Sdk;

/// <summary>The kNN cache of the reference: what is heard is mixed with the sounds of an index that are nearest to it. Off unless a request asks for it.</summary>
/// <remarks>
/// The names are the reference's <c>cache_size</c>, <c>cache_t</c> and <c>cache_weight</c>. Only audio is mixed: the index holds features of MERT.
/// The softmax takes the index's scores as they are, so with an L2 index rows that are farther away weigh more; that is the reference's formula (docs/fidelity.md).
/// Immutable; derive a variant by <c>with</c>.
/// </remarks>
public sealed record KnnOptions
{
    /// <summary>What the reference's forward_audio has as defaults: 10 neighbours, temperature 20, half and half.</summary>
    public static KnnOptions Default { get; } = new();

    /// <summary>What the reference's captioning script uses: 100 neighbours, weight 0.3.</summary>
    public static KnnOptions Captioning { get; } = new() { CacheSize = 100, Weight = 0.3 };

    /// <summary>A flat index file that faiss.write_index wrote (IndexFlatIP or IndexFlatL2).</summary>
    /// <value>Null: the index of the bundle.</value>
    public string? IndexPath { get; init; }

    /// <summary>Neighbours that make the prototype; all rows where the index has fewer.</summary>
    /// <value>10. Allowed: 1 to 1,000,000.</value>
    public int CacheSize { get; init; } = 10;

    /// <summary>Factor on the scores before the softmax that weighs the neighbours: 0 weighs all the same.</summary>
    /// <value>20. Allowed: -10,000 to 10,000.</value>
    public double Temperature { get; init; } = 20;

    /// <summary>The prototype's share of the mix: 0 leaves what is heard, 1 takes its place.</summary>
    /// <value>0.5. Allowed: 0 to 1.</value>
    public double Weight { get; init; } = 0.5;

    internal void Check(OptionsCheck check)
    {
        const string Owner = nameof(KnnOptions);
        check.Range(Owner, nameof(CacheSize), CacheSize, 1, 1_000_000);
        check.Range(Owner, nameof(Temperature), Temperature, -10_000, 10_000);
        check.Range(Owner, nameof(Weight), Weight, 0, 1);
    }
}
