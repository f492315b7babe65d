using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Encoders.Adapters;

/// <summary>The kNN index that requests share: the bundle's own, opened at its first use, or a file that a request names.</summary>
/// <remarks>Thread-safe; <see cref="Dispose"/> must come after the last call.</remarks>
internal sealed class KnnCache : IDisposable
{
    /// <summary>The index's name among the manifest's indexes.</summary>
    public const string Name = "knn";

    private readonly string _bundle;
    private readonly string? _path;
    private readonly Lock _gate = new();
    private KnnIndex? _own;

    /// <summary>Finds the bundle's index; nothing is opened yet.</summary>
    public KnnCache(ModelBundle bundle)
    {
        _bundle = bundle.Directory;
        _path = bundle.Manifest.Indexes.TryGetValue(Name, out BundleFile? file) ? bundle.PathOf(file.Path) : null;
    }

    /// <summary>Whether the bundle has an index.</summary>
    public bool HasOwnIndex => _path is not null;

    /// <summary>Mixes a feature with its neighbours (<see cref="KnnMixer.Mix"/>).</summary>
    /// <exception cref="UnsupportedCapabilityException">No index is named, and the bundle has none.</exception>
    /// <exception cref="ModelBundleException">The index cannot be read, is no flat index, or has rows of another width.</exception>
    public float[] Mix(ReadOnlySpan<float> feature, KnnOptions options, CancellationToken cancellationToken)
    {
        if (options.IndexPath is { } path)
        {
            using KnnIndex named = KnnIndex.Open(path, feature.Length);
            return KnnMixer.Mix(feature, named, options, cancellationToken);
        }

        return KnnMixer.Mix(feature, Own(feature.Length), options, cancellationToken);
    }

    /// <summary>Closes the bundle's index.</summary>
    public void Dispose() => _own?.Dispose();

    private KnnIndex Own(int width)
    {
        lock (_gate)
        {
            return _own ??= KnnIndex.Open(
                _path ?? throw new UnsupportedCapabilityException("kNN cache", $"Bundle '{_bundle}' has no kNN index. Export it with --knn_dir, name an index file in {nameof(KnnOptions)}.{nameof(KnnOptions.IndexPath)}, or leave the cache switched off."),
                width);
        }
    }
}
