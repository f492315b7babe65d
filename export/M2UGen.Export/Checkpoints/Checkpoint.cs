using M2UGen.Export.Checkpoints.Torch;

namespace M2UGen.Export.Checkpoints;

/// <summary>The tensors of a checkpoint, whichever of the formats it is stored in. Opening reads descriptions only; numbers are read tensor by tensor.</summary>
/// <remarks>
/// Files are treated as a stranger's: nothing in them is executed, no number in them is believed before it is checked against the file's size,
/// and everything that cannot be read exactly ends in a <see cref="CheckpointException"/> that names the file and the reason.
/// Tensors can be read from several threads; they are of no use after <see cref="Dispose()"/>.
/// </remarks>
public abstract class Checkpoint : IDisposable
{
    private const string IndexSuffix = ".index.json";

    private static readonly string[] DirectoryNames =
    [
        "model.safetensors", "model.safetensors.index.json",
        "pytorch_model.bin", "pytorch_model.bin.index.json",
        "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors.index.json",
        "diffusion_pytorch_model.bin", "diffusion_pytorch_model.bin.index.json",
    ];

    /// <summary>Creates a reader of <paramref name="path"/>.</summary>
    private protected Checkpoint(string path) => Path = path;

    /// <summary>The file or directory that was opened, as the caller named it.</summary>
    public string Path { get; }

    /// <summary>All tensors by name. Nested dictionaries, lists and namespaces of torch files join their keys with '/', for example <c>model/llama.norm.weight</c>.</summary>
    public abstract IReadOnlyDictionary<string, CheckpointTensor> Tensors { get; }

    /// <summary>Every file that is read, the index of a sharded checkpoint first.</summary>
    public abstract IReadOnlyList<string> Files { get; }

    /// <summary>What stands beside the tensors of a torch file, named like them: strings, <see cref="long"/>, <see cref="System.Numerics.BigInteger"/>, <see cref="double"/>, <see cref="bool"/>, null. Empty for other formats.</summary>
    /// <exception cref="CheckpointException">There are more of them, or deeper nested ones, than any checkpoint has.</exception>
    public virtual IReadOnlyDictionary<string, object?> Values { get; } = new Dictionary<string, object?>();

    /// <summary>The <c>__metadata__</c> of a safetensors file; empty for other formats.</summary>
    public virtual IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>Opens a torch zip archive (.pth, .pt, .bin), a safetensors file, or the index of a sharded checkpoint of either kind.</summary>
    /// <remarks>The format is told by the content; the names <c>*.safetensors</c> and <c>*.index.json</c> are taken at their word.</remarks>
    /// <exception cref="CheckpointException">The file is absent, damaged, hostile, or of another format.</exception>
    public static Checkpoint Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return path.EndsWith(IndexSuffix, StringComparison.OrdinalIgnoreCase) ? ShardedCheckpoint.OpenIndex(path) : OpenFile(path);
    }

    /// <summary>Opens one file that is not an index.</summary>
    internal static Checkpoint OpenFile(string path)
    {
        CheckpointFile file = CheckpointFile.Open(path);
        try
        {
            return FileFormat.Recognise(file) switch
            {
                FileFormat.Kind.TorchZip => TorchArchive.Open(file),
                _ => SafetensorsFile.Open(file),
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens the shards <c>consolidated.00.pth</c>, <c>consolidated.01.pth</c>, … of a Meta LLaMA directory as one checkpoint.</summary>
    /// <remarks>Joined along dimension 0: wq wk wv w1 w3 output; along the last: wo w2 tok_embeddings; norms and rope.freqs are shard 0's.</remarks>
    /// <exception cref="CheckpointException">There is no shard, one is missing or unreadable, or they do not fit together.</exception>
    public static Checkpoint OpenMetaShards(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return MetaShards.Open(directory);
    }

    /// <summary>Opens the weights of a Hugging Face directory: safetensors before .bin, a single file before shards, <c>model</c> before <c>diffusion_pytorch_model</c>.</summary>
    /// <exception cref="CheckpointException">No weight file is there (the message lists the names looked for), or it cannot be read.</exception>
    public static Checkpoint OpenDirectory(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (!Directory.Exists(directory))
        {
            throw new CheckpointException(directory, "there is no such directory.");
        }

        foreach (string name in DirectoryNames)
        {
            string path = System.IO.Path.Combine(directory, name);
            if (File.Exists(path))
            {
                return Open(path);
            }
        }

        throw new CheckpointException(directory, $"holds no weights. Looked for: {string.Join(", ", DirectoryNames)}.");
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the files; may be called again.</summary>
    protected abstract void Dispose(bool disposing);
}
