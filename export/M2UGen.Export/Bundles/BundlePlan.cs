using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Bundles;

/// <summary>Everything a bundle will hold, described; no weight is read before it is written. Owns the open checkpoints behind it.</summary>
internal sealed class BundlePlan : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <summary>One of <see cref="BundleFamily"/>.</summary>
    public required string Family { get; init; }

    /// <summary>The graphs.</summary>
    public List<BundlePart> Parts { get; } = [];

    /// <summary>Constants that enter graphs as inputs.</summary>
    public List<PlannedTensor> Tensors { get; } = [];

    /// <summary>Tokenizers, whose files are copied.</summary>
    public List<PlannedTokenizer> Tokenizers { get; } = [];

    /// <summary>Search indexes, whose files are copied.</summary>
    public List<PlannedIndex> Indexes { get; } = [];

    /// <summary>The manifest's defaults of generation, a section a model.</summary>
    public JsonObject Generation { get; } = [];

    /// <summary>The manifest's numbers of preprocessing, a section a model.</summary>
    public JsonObject Preprocessing { get; } = [];

    /// <summary>Full paths of the files that decide what the bundle holds: weights, configurations, tokenizers.</summary>
    public List<string> SourceFiles { get; } = [];

    /// <summary>Licences as far as the sources state them.</summary>
    public List<BundleLicence> Licences { get; } = [];

    /// <summary>What the caller should know about the source.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Keeps <paramref name="resource"/> open as long as the plan.</summary>
    public T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Add(resource);
        return resource;
    }

    /// <summary>Closes the checkpoints; the plan can no longer be written.</summary>
    public void Dispose()
    {
        foreach (IDisposable resource in _owned)
        {
            resource.Dispose();
        }
    }
}

/// <summary>A constant of the bundle.</summary>
/// <param name="Name">Its name in the manifest and, with <c>.bin</c>, of its file.</param>
/// <param name="Shape">The dimensions.</param>
/// <param name="Compute">Yields the elements, row-major.</param>
internal sealed record PlannedTensor(string Name, IReadOnlyList<long> Shape, Func<CancellationToken, float[]> Compute)
{
    /// <summary>Size of the file.</summary>
    public long ByteCount => Shape.Aggregate((long)sizeof(float), (product, dim) => checked(product * dim));
}

/// <summary>A search index of the bundle.</summary>
/// <param name="Name">Its name in the manifest and, with <c>.index</c>, of its file.</param>
/// <param name="File">Full path of the file to copy.</param>
internal sealed record PlannedIndex(string Name, string File);

/// <summary>A tokenizer of the bundle.</summary>
/// <param name="Name">Its name in the manifest: <c>llama</c>, <c>t5</c>. The folder is <c>tokenizer-</c> and the name.</param>
/// <param name="Files">Full paths of the files to copy, under their own names.</param>
internal sealed record PlannedTokenizer(string Name, IReadOnlyList<string> Files);
