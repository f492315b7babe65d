namespace M2UGen.Export.Checkpoints;

/// <summary>A checkpoint's tensors under the names that a model uses, with every missing or misshapen one collected instead of reported one at a time.</summary>
/// <remarks>
/// Training checkpoints hold their weights under <c>model/</c> and, saved from several GPUs, under <c>module.</c>: both are taken off.
/// A graph is described as a whole first, with zeros in the place of what is missing; <see cref="ThrowIfIncomplete"/> then names all of it.
/// Views made by <see cref="Under"/> and <see cref="Over"/> share one list of what is wrong. Not thread-safe while weights are asked for.
/// </remarks>
public sealed class WeightMap
{
    private const string ModelPrefix = "model/";
    private const string ModulePrefix = "module.";

    private readonly IReadOnlyDictionary<string, CheckpointTensor> tensors;
    private readonly string prefix;
    private readonly WeightMap? fallback;
    private readonly Problems problems;

    private WeightMap(IReadOnlyDictionary<string, CheckpointTensor> tensors, string prefix, WeightMap? fallback, Problems problems)
    {
        this.tensors = tensors;
        this.prefix = prefix;
        this.fallback = fallback;
        this.problems = problems;
    }

    /// <summary>The names that can be asked for, without order.</summary>
    public IEnumerable<string> Names
    {
        get
        {
            IEnumerable<string> own = tensors.Keys.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..]);
            return fallback is null ? own : own.Union(fallback.Names, StringComparer.Ordinal);
        }
    }

    /// <summary>The weights of a checkpoint. Where it holds a dict <c>model</c>, only that dict's.</summary>
    /// <exception cref="CheckpointException">Two tensors would have the same name.</exception>
    public static WeightMap From(Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        bool nested = checkpoint.Tensors.Keys.Any(n => n.StartsWith(ModelPrefix, StringComparison.Ordinal));
        Dictionary<string, CheckpointTensor> tensors = new(checkpoint.Tensors.Count, StringComparer.Ordinal);
        foreach ((string fullName, CheckpointTensor tensor) in checkpoint.Tensors)
        {
            string name = fullName;
            if (nested)
            {
                if (!name.StartsWith(ModelPrefix, StringComparison.Ordinal))
                {
                    continue;
                }

                name = name[ModelPrefix.Length..];
            }

            if (name.StartsWith(ModulePrefix, StringComparison.Ordinal))
            {
                name = name[ModulePrefix.Length..];
            }

            if (!tensors.TryAdd(name, tensor))
            {
                throw new CheckpointException(checkpoint.Path, $"holds {Text.Quote(name)} with and without the prefix '{ModulePrefix}'.");
            }
        }

        return new WeightMap(tensors, string.Empty, null, new Problems(checkpoint.Path));
    }

    /// <summary>The weights below a prefix, named without it: <c>Under("generation_model.")</c>.</summary>
    /// <param name="prefix">What the names start with, the final dot included.</param>
    public WeightMap Under(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return new WeightMap(tensors, this.prefix + prefix, fallback?.Under(prefix), problems);
    }

    /// <summary>These weights, and behind them another map's: the first that has a name wins.</summary>
    /// <param name="fallback">Asked for what this map lacks, for example the base LLaMA behind an M2UGen checkpoint.</param>
    public WeightMap Over(WeightMap fallback)
    {
        ArgumentNullException.ThrowIfNull(fallback);
        problems.AddSource(fallback.problems.Sources);
        return new WeightMap(tensors, prefix, this.fallback is null ? fallback : this.fallback.Over(fallback), problems);
    }

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Contains(string name) => Find(name) is not null;

    /// <summary>The tensor of that name, or null; absence is no fault.</summary>
    public CheckpointTensor? Find(string name) =>
        tensors.TryGetValue(prefix + name, out CheckpointTensor? tensor) ? tensor : fallback?.Find(name);

    /// <summary>The tensor of that name. Missing or of another shape, it is noted for <see cref="ThrowIfIncomplete"/> and replaced by zeros.</summary>
    /// <param name="name">Relative to this view's prefix.</param>
    /// <param name="expectedShape">The shape it must have; none for any shape (or a single number).</param>
    public CheckpointTensor Get(string name, params ReadOnlySpan<long> expectedShape)
    {
        CheckpointTensor? tensor = Find(name);
        if (tensor is not null && (expectedShape.IsEmpty || Shapes.Same(tensor.Shape, expectedShape)))
        {
            return tensor;
        }

        string fullName = prefix + name;
        if (tensor is null)
        {
            NoteMissing(fullName, expectedShape);
        }
        else
        {
            problems.Add(fullName, $"{fullName}: expected shape {Shapes.Describe(expectedShape.ToArray())}, found {Shapes.Describe(tensor.Shape)}", isMissing: false);
        }

        return new ZeroTensor(fullName, expectedShape.ToArray(), problems.Path);
    }

    /// <summary>Throws once for everything that <see cref="Get"/> found missing or misshapen in this map and all views of it.</summary>
    /// <exception cref="CheckpointException">Something was; the message lists all of it.</exception>
    public void ThrowIfIncomplete() => problems.ThrowIfAny(hint: null);

    /// <summary>As <see cref="ThrowIfIncomplete"/>.</summary>
    /// <param name="hint">What may have been forgotten: a sentence behind the lists, or null.</param>
    internal void ThrowIfIncompleteWithHint(string? hint) => problems.ThrowIfAny(hint);

    /// <summary>A view's name in the checkpoint, for messages.</summary>
    internal string FullName(string name) => prefix + name;

    /// <summary>Notes a missing tensor under a name of the caller's wording and gives its placeholder.</summary>
    internal CheckpointTensor Missing(string wording, ReadOnlySpan<long> expectedShape)
    {
        NoteMissing(wording, expectedShape);
        return new ZeroTensor(wording, expectedShape.ToArray(), problems.Path);
    }

    /// <summary>The checkpoint that exceptions about computed weights name.</summary>
    internal string SourcePath => problems.Path;

    private void NoteMissing(string wording, ReadOnlySpan<long> expectedShape) =>
        problems.Add(wording, expectedShape.IsEmpty ? wording : $"{wording} {Shapes.Describe(expectedShape.ToArray())}", isMissing: true);

    /// <summary>What is wrong with the weights of one root map.</summary>
    private sealed class Problems(string path)
    {
        private readonly List<string> missing = [];
        private readonly List<string> mismatching = [];
        private readonly HashSet<string> noted = new(StringComparer.Ordinal);
        private readonly List<string> sources = [path];

        public string Path { get; } = path;

        public IReadOnlyList<string> Sources => sources;

        public void AddSource(IEnumerable<string> more) => sources.AddRange(more.Except(sources).ToArray());

        public void Add(string key, string text, bool isMissing)
        {
            if (noted.Add(key))
            {
                (isMissing ? missing : mismatching).Add(text);
            }
        }

        public void ThrowIfAny(string? hint)
        {
            if (missing.Count + mismatching.Count == 0)
            {
                return;
            }

            List<string> lines = [];
            if (missing.Count > 0)
            {
                lines.Add($"{missing.Count} tensors are missing:");
                lines.AddRange(missing.Select(m => "  " + m));
            }

            if (mismatching.Count > 0)
            {
                lines.Add($"{mismatching.Count} tensors have another shape than the configuration says:");
                lines.AddRange(mismatching.Select(m => "  " + m));
            }

            if (sources.Count > 1)
            {
                lines.Add($"Looked also in: {string.Join(", ", sources.Skip(1).Select(s => $"'{s}'"))}.");
            }

            if (hint is not null)
            {
                lines.Add(hint);
            }

            lines.Add("Give the checkpoint that belongs to the configuration, and all of its files.");
            throw new CheckpointException(Path, string.Join(Environment.NewLine, lines));
        }
    }
}
