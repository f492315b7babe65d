using System.Text.Json;
using M2UGen.Export.Checkpoints;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Architectures;

/// <summary>The numbers of <c>params.json</c> that the tensors' shapes do not tell.</summary>
internal sealed record LlamaParams
{
    // params.json of the largest published model has 150 bytes.
    private const int MaxBytes = 1 << 20;

    /// <summary>Width of the hidden state.</summary>
    public required int Dim { get; init; }

    /// <summary>Number of layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Number of query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Number of key and value heads, or null where the file does not say.</summary>
    /// <remarks>The reference does not read it: its wk and wv always have a head per query head. The shape of wk decides.</remarks>
    public int? KeyValueHeads { get; init; }

    /// <summary>Epsilon of the RMS norms.</summary>
    /// <value>Default as the reference's ModelArgs: 1e-5.</value>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>Base of the rotary embedding.</summary>
    /// <value>Default as the reference's precompute_freqs_cis: 10000.</value>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Size of a head.</summary>
    public int HeadSize => Dim / Heads;

    /// <summary>Reads the file.</summary>
    /// <exception cref="CheckpointException">The file is absent or not JSON, a number is missing or makes no sense.</exception>
    public static LlamaParams Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new CheckpointException(path, "there is no such file. --llama_dir must hold <llama_type>/params.json (llama_type is 7B unless given).");
        }

        byte[] bytes = WholeFile.Read(path, MaxBytes, out long length) ?? throw new CheckpointException(path, $"has {length} bytes; a params.json has a few hundred.");
        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes);
            JsonElement root = document.RootElement;
            int dim = Integer(root, "dim") ?? throw new CheckpointException(path, "has no 'dim'.");
            int layers = Integer(root, "n_layers") ?? throw new CheckpointException(path, "has no 'n_layers'.");
            int heads = Integer(root, "n_heads") ?? throw new CheckpointException(path, "has no 'n_heads'.");
            LlamaParams defaults = new() { Dim = dim, Layers = layers, Heads = heads };
            LlamaParams read = defaults with
            {
                KeyValueHeads = Integer(root, "n_kv_heads"),
                NormEpsilon = (float)(Number(root, "norm_eps") ?? defaults.NormEpsilon),
                RopeTheta = Number(root, "rope_theta") ?? defaults.RopeTheta,
            };
            read.Check(path);
            return read;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException(path, $"is not the JSON of a LLaMA's parameters: {exception.Message}", exception);
        }
    }

    private static int? Integer(JsonElement root, string name) => root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetInt32() : null;

    private static double? Number(JsonElement root, string name) => root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetDouble() : null;

    private void Check(string path)
    {
        if (Dim is < 1 or > 1 << 20 || Layers is < 1 or > 4096 || Heads < 1 || Heads > Dim || Dim % Heads != 0 || HeadSize % 2 != 0)
        {
            throw new CheckpointException(path, $"has dim {Dim}, n_layers {Layers}, n_heads {Heads}; expected positive numbers and an even head size dim / n_heads.");
        }

        if (KeyValueHeads is { } count && (count < 1 || Heads % count != 0))
        {
            throw new CheckpointException(path, $"has n_kv_heads {count}, which does not divide n_heads {Heads}.");
        }

        if (!float.IsFinite(NormEpsilon) || NormEpsilon < 0 || !double.IsFinite(RopeTheta) || RopeTheta <= 0)
        {
            throw new CheckpointException(path, $"has norm_eps {NormEpsilon} and rope_theta {RopeTheta}; expected finite positive numbers.");
        }
    }
}
