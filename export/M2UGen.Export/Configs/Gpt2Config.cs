using M2UGen.Export.Blocks;

namespace M2UGen.Export.Configs;

/// <summary>What the <c>config.json</c> of AudioLDM2's GPT-2 says (transformers, configuration_gpt2.py). A key that is left out has that file's default.</summary>
internal sealed record Gpt2Config
{
    // Published: 8. What is not far from it still makes sense.
    private const int MostNewTokens = 1 << 12;

    /// <summary>Width of the states (n_embd).</summary>
    public required int HiddenSize { get; init; }

    public required int Heads { get; init; }

    public required int Layers { get; init; }

    /// <summary>Rows of the position table (n_positions).</summary>
    public required int Positions { get; init; }

    /// <summary>Width inside the feed-forward part (n_inner, else four times the width).</summary>
    public required int FeedForwardSize { get; init; }

    public required Activation Activation { get; init; }

    /// <summary>Of the layer norms.</summary>
    public required float Epsilon { get; init; }

    /// <summary>Vectors that AudioLDM2 lets it generate.</summary>
    public required int NewTokens { get; init; }

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or misstates something; all of it is listed.</exception>
    public static Gpt2Config Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string modelType = config.TextOr("model_type", "gpt2");
        config.Require(modelType == "gpt2", "model_type", $"'{modelType}' is not supported; expected 'gpt2'");
        config.Require(config.BoolOr("scale_attn_weights", true), "scale_attn_weights", "false is not supported; expected true");
        config.Require(!config.BoolOr("scale_attn_by_inverse_layer_idx", false), "scale_attn_by_inverse_layer_idx", "true is not supported; expected false");
        config.Require(!config.BoolOr("add_cross_attention", false), "add_cross_attention", "true is not supported; expected false");
        int hidden = config.IntOr("n_embd", 768);
        int heads = config.IntOr("n_head", 12);
        config.RequireTogether(hidden % heads == 0, "n_head", $"{heads} heads do not divide n_embd {hidden}");
        int positions = config.IntOr("n_positions", 1024);
        int added = config.IntOr("max_new_tokens", 8, largest: MostNewTokens);
        config.RequireTogether(added < positions, "max_new_tokens", $"{added} leaves no room below n_positions {positions}");
        Gpt2Config read = new()
        {
            HiddenSize = hidden,
            Heads = heads,
            Layers = config.IntOr("n_layer", 12, largest: ConfigReader.MostLayers),
            Positions = positions,
            FeedForwardSize = config.IntOr("n_inner", 4 * Math.Min(hidden, ConfigReader.LargestSize / 4)),
            Activation = Activations.Read(config, "activation_function", "gelu_new"),
            Epsilon = (float)config.DoubleOr("layer_norm_epsilon", 1e-5, 0, 1),
            NewTokens = added,
        };
        config.ThrowIfWrong("a GPT-2");
        return read;
    }
}
