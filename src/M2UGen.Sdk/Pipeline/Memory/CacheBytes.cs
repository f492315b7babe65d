using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>What the key/value cache of a token loop takes, by the contract of its graph: caches are zeroed by the system, so only positions that are written to count.</summary>
internal static class CacheBytes
{
    private const long Page = 4096;

    /// <summary>Bytes of a cache.</summary>
    /// <param name="component">The token loop.</param>
    /// <param name="batch">Rows.</param>
    /// <param name="positions">Positions that get filled.</param>
    public static long Of(BundleComponent component, long batch, long positions) =>
        component.Inputs.Where(KVCache.Holds).Sum(input =>
        {
            // [batch, heads, positions, head size]: each head's part begins on a page of its own, or nearly so.
            long head = positions * input.Dimensions[3].Size * OnnxGraphReader.BytesOf(input.Kind);
            return batch * input.Dimensions[1].Size * ((head + Page - 1) / Page * Page);
        });
}
