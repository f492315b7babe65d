using M2UGen.Export.Architectures;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Sources;

/// <summary>The reference's <c>--llama_dir</c>: tokenizer files, and in a folder of the model's size params.json and the base weights.</summary>
internal sealed record LlamaDirectory
{
    private const string TokenizerModel = "tokenizer.model";

    // What transformers' LlamaTokenizer reads beside the model file.
    private static readonly string[] TokenizerNames = [TokenizerModel, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

    /// <summary>Where tokenizer.model lies.</summary>
    public required string Path { get; init; }

    /// <summary>params.json.</summary>
    public required string ParamsFile { get; init; }

    /// <summary>The tokenizer's files, full paths.</summary>
    public required IReadOnlyList<string> TokenizerFiles { get; init; }

    /// <summary>The folder of params.json and the shards.</summary>
    public string WeightsDirectory => System.IO.Path.GetDirectoryName(ParamsFile)!;

    /// <summary>Whether the base LLaMA's shards are there.</summary>
    public bool HasWeights => Directory.EnumerateFiles(WeightsDirectory, "consolidated.*.pth").Any();

    /// <summary>Looks at the directory.</summary>
    /// <exception cref="CheckpointException">The directory, its tokenizer or params.json is missing.</exception>
    public static LlamaDirectory Open(string directory, string type)
    {
        if (!Directory.Exists(directory))
        {
            throw new CheckpointException(directory, "there is no such directory. --llama_dir names the folder with tokenizer.model.");
        }

        string tokenizer = System.IO.Path.Combine(directory, TokenizerModel);
        if (!File.Exists(tokenizer))
        {
            throw new CheckpointException(tokenizer, "there is no such file. --llama_dir names the folder with tokenizer.model.");
        }

        string parameters = System.IO.Path.Combine(directory, type, "params.json");
        if (!File.Exists(parameters))
        {
            IReadOnlyList<string> types = ModelDirectory.LlamaTypes(directory);
            throw new CheckpointException(parameters, types.Count == 0
                ? "there is no such file. The folder --llama_type (7B unless given) below --llama_dir must hold params.json."
                : $"there is no such file. Folders with a params.json: {string.Join(", ", types)}; choose one with --llama_type.");
        }

        return new LlamaDirectory
        {
            Path = directory,
            ParamsFile = parameters,
            TokenizerFiles = [.. TokenizerNames.Select(name => System.IO.Path.Combine(directory, name)).Where(File.Exists)],
        };
    }

    /// <summary>The tensors of the base LLaMA, which an adapter-only checkpoint lacks.</summary>
    public Checkpoint OpenWeights() => Checkpoint.OpenMetaShards(WeightsDirectory);

    /// <summary>Whether a checkpoint lacks any tensor that the base LLaMA could give.</summary>
    /// <param name="llama">The checkpoint's tensors below <c>llama.</c>.</param>
    /// <param name="parameters">The numbers of params.json.</param>
    public static bool IsNeeded(WeightMap llama, LlamaParams parameters)
    {
        string[] matrices = ["attention.wq", "attention.wk", "attention.wv", "attention.wo", "feed_forward.w1", "feed_forward.w2", "feed_forward.w3", "attention_norm", "ffn_norm"];
        return new[] { "tok_embeddings.weight", "output.weight", "norm.weight" }
            .Concat(Enumerable.Range(0, parameters.Layers).SelectMany(layer => matrices.Select(matrix => $"layers.{layer}.{matrix}.weight")))
            .Any(name => !llama.Contains(name));
    }
}
