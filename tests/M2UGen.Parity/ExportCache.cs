namespace M2UGen.Parity;

/// <summary>
/// Exports each checkpoint once per run and set of options, into one temporary folder that goes with the run.
/// Not thread-safe: cases run one after the other.
/// </summary>
internal sealed class ExportCache : IDisposable
{
    private readonly Dictionary<string, (string? Folder, Exception? Failure)> done = new(StringComparer.Ordinal);
    private string? root;

    /// <summary>A folder of this run for files that a case has to make (removed at the end).</summary>
    public string Scratch(string name)
    {
        string folder = Path.Combine(Root, $"{name}-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>The bundle that <paramref name="export"/> makes, made at most once for <paramref name="key"/>.</summary>
    /// <param name="key">Everything that decides what comes out: the sources' paths and the options.</param>
    /// <param name="export">Writes the bundle to the folder it is given, which does not exist yet.</param>
    /// <returns>The bundle's folder.</returns>
    /// <exception cref="ParityException">The export failed, now or when it was first asked for.</exception>
    public string Get(string key, Action<string> export)
    {
        if (!done.TryGetValue(key, out (string? Folder, Exception? Failure) entry))
        {
            string folder = Path.Combine(Root, $"bundle-{done.Count}");
            try
            {
                export(folder);
                entry = (folder, null);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                entry = (null, e);
            }

            done.Add(key, entry);
        }

        return entry.Folder ?? throw new ParityException($"Export failed: {entry.Failure!.Message}", entry.Failure);
    }

    public void Dispose()
    {
        if (root is not null && Directory.Exists(root))
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private string Root => root ??= Directory.CreateTempSubdirectory("m2ugen-parity-").FullName;
}
