using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Comparison;

/// <summary>A language model's graph fed piece by piece over its cache, giving every output as numbers: logits and, of graphs exported with taps, inner stages.</summary>
/// <remarks>For comparing, not for speed: everything is allocated anew in each call.</remarks>
/// <param name="model">The graph.</param>
/// <param name="cache">Its cache; becomes the probe's.</param>
/// <param name="rows">Rows of the batch.</param>
internal sealed class CachedProbe(IOnnxModel model, KVCache cache, int rows) : IDisposable
{
    /// <summary>Feeds some positions.</summary>
    /// <param name="positions">How many the inputs hold.</param>
    /// <param name="bind">Binds the inputs of this call; the cache and its lengths are bound already.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>Outputs by name, the cache's left out.</returns>
    public IReadOnlyDictionary<string, float[]> Feed(int positions, Action<IModelRun> bind, CancellationToken cancellationToken)
    {
        using NativeTensor lastIndex = NativeTensor.Allocate<int>(rows);
        using NativeTensor total = NativeTensor.Allocate<int>();
        lastIndex.AsSpan<int>().Fill(cache.Length + positions - 1);
        total.AsSpan<int>()[0] = cache.Length + positions;
        using IModelRun run = model.CreateRun();
        run.BindInput("seqlens_k", lastIndex);
        run.BindInput("total_sequence_length", total);
        cache.Bind(run);
        bind(run);
        string[] outputs = [.. model.Description.Outputs.Select(output => output.Name).Where(name => !name.StartsWith("present.", StringComparison.Ordinal))];
        foreach (string output in outputs)
        {
            run.BindOutputToAllocated(output);
        }

        run.Run(cancellationToken);
        cache.Advance(positions);
        return outputs.ToDictionary(output => output, output =>
        {
            using NativeTensor tensor = run.TakeOutput(output);
            return tensor.AsSpan<float>().ToArray();
        }, StringComparer.Ordinal);
    }

    /// <summary>Frees the cache.</summary>
    public void Dispose() => cache.Dispose();
}
