using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Synthesis;

/// <summary>What the sizes of an M2UGen checkpoint follow from.</summary>
internal sealed record M2UGenSizes
{
    /// <summary>LLaMA's width.</summary>
    public required int Dim { get; init; }

    /// <summary>Its layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Its heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Width inside its feed-forward layers.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Rows of its embedding: the tokenizer's pieces and the eight tokens of music.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Rank of the low-rank pairs.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>Layers that take a prefix: a multiple of three.</summary>
    public int PrefixLayers { get; init; } = 18;

    /// <summary>Width of the output projector.</summary>
    public int ProjectorSize { get; init; } = 512;

    /// <summary>Its encoder's and its decoder's layers.</summary>
    public int ProjectorLayers { get; init; } = 4;

    /// <summary>Vectors that come out of it: 128 for MusicGen, 1 for AudioLDM2.</summary>
    public required int ProjectorTokens { get; init; }

    /// <summary>Width of a vector that comes out.</summary>
    public required int ProjectorOutput { get; init; }

    /// <summary>The MusicGen whose tensors the checkpoint holds too, or null.</summary>
    public MusicGenConfig? MusicGen { get; init; }

    /// <summary>The sound encoder.</summary>
    public required MertConfig Mert { get; init; }

    /// <summary>The picture encoder.</summary>
    public required VitConfig Vit { get; init; }

    /// <summary>The film encoder.</summary>
    public required VivitConfig Vivit { get; init; }
}

/// <summary>The tensors of an M2UGen checkpoint, named and typed as a checkpoint of the third stage of training: frozen matrices in 16 bits, the rest in 32.</summary>
/// <remarks>Source: spec sections 2 and 7; reference m2ugen.py, llama.py, projector.py. Gates are open here, unlike those of the released training.</remarks>
internal static class M2UGenBlueprint
{
    private const TensorElementType Frozen = TensorElementType.Float16;
    private const double Residual = 0.5;

    /// <summary>Lists them.</summary>
    public static Blueprint Create(M2UGenSizes sizes)
    {
        Blueprint blueprint = new();
        EncoderBlueprints.AddMert(blueprint, sizes.Mert, "mert_model.");
        AddAdapter(blueprint, "mu_mert", sizes.Mert.States, sizes.Mert.Form.HiddenSize, sizes.Dim);
        EncoderBlueprints.AddVision(blueprint, sizes.Vit.Transformer, sizes.Vit.TokenCount, [sizes.Vit.PatchSize, sizes.Vit.PatchSize], "vit_model.");
        AddAdapter(blueprint, "iu_vit", sizes.Vit.TokenCount, sizes.Vit.Transformer.Form.HiddenSize, sizes.Dim);
        EncoderBlueprints.AddVision(blueprint, sizes.Vivit.Transformer, sizes.Vivit.TokenCount, sizes.Vivit.Tubelet, "vivit_model.");
        AddAdapter(blueprint, "iu_vivit", sizes.Vivit.TokenCount, sizes.Vivit.Transformer.Form.HiddenSize, sizes.Dim);
        blueprint.Add("prefix_query.weight", 0.5, sizes.PrefixLayers, sizes.Dim);
        AddLlama(blueprint, sizes);
        AddProjector(blueprint, sizes);
        if (sizes.MusicGen is { } musicGen)
        {
            MusicGenBlueprint.AddTo(blueprint, musicGen, "generation_model.");
        }

        return blueprint;
    }

    private static void AddAdapter(Blueprint blueprint, string name, long states, long width, long dim)
    {
        blueprint.Add($"{name}_agg.weight", 1 / Math.Sqrt(states), 1, states, 1);
        blueprint.Add($"{name}_agg.bias", 0.05, 1);
        blueprint.Linear($"{name}_proj", dim, width);
        for (int i = 1; i <= 3; i++)
        {
            blueprint.Norm($"{name}_norm_{i}", dim, hasBias: false);
            foreach (string matrix in new[] { "f1", "f2", "f3" })
            {
                blueprint.Matrix($"{name}_{matrix}_{i}.weight", dim, dim);
            }
        }
    }

    private static void AddLlama(Blueprint blueprint, M2UGenSizes sizes)
    {
        long dim = sizes.Dim;
        long hidden = sizes.FeedForwardSize;
        blueprint.Add(new SyntheticTensor("llama.tok_embeddings.weight", Frozen, [sizes.Vocabulary, dim], 0.5));
        for (int i = 0; i < sizes.Layers; i++)
        {
            string attention = $"llama.layers.{i}.attention";
            foreach (string matrix in new[] { "wq", "wk", "wv", "wo" })
            {
                blueprint.Matrix($"{attention}.{matrix}.weight", dim, dim, matrix == "wo" ? Residual : 1, Frozen);
                AddPair(blueprint, attention, matrix, dim, dim, sizes.Rank);
            }

            blueprint.Add($"{attention}.wq.bias", 0.05, dim);
            blueprint.Add($"{attention}.wo.bias", 0.02, dim);
            blueprint.Add(new SyntheticTensor($"{attention}.gate", Frozen, [1, sizes.Heads, 1, 1], 0.3));
            string feedForward = $"llama.layers.{i}.feed_forward";
            foreach ((string matrix, long rows, long columns) in new[] { ("w1", hidden, dim), ("w2", dim, hidden), ("w3", hidden, dim) })
            {
                blueprint.Matrix($"{feedForward}.{matrix}.weight", rows, columns, 1, Frozen);
                blueprint.Add($"{feedForward}.{matrix}.bias", 0.02, rows);
                AddPair(blueprint, feedForward, matrix, rows, columns, sizes.Rank);
            }

            blueprint.Norm($"llama.layers.{i}.attention_norm", dim, hasBias: false);
            blueprint.Norm($"llama.layers.{i}.ffn_norm", dim, hasBias: false);
        }

        blueprint.Norm("llama.norm", dim, hasBias: false);

        // Logits that spread like those of a trained model.
        blueprint.Matrix("llama.output.weight", sizes.Vocabulary, dim, 3, Frozen);
    }

    private static void AddPair(Blueprint blueprint, string path, string matrix, long rows, long columns, long rank)
    {
        blueprint.Matrix($"{path}.lora_{matrix}_l1.weight", rank, columns);
        blueprint.Matrix($"{path}.lora_{matrix}_l2.weight", rows, rank, 0.2);
    }

    private static void AddProjector(Blueprint blueprint, M2UGenSizes sizes)
    {
        const string Root = "output_projector";
        long width = sizes.ProjectorSize;
        long hidden = 4 * width;
        blueprint.Linear($"{Root}.fc", width, sizes.Dim);
        foreach (string side in new[] { "encoder", "decoder" })
        {
            for (int i = 0; i < sizes.ProjectorLayers; i++)
            {
                string layer = $"{Root}.tfm.{side}.layers.{i}";
                foreach (string attention in side == "encoder" ? new[] { "self_attn" } : ["self_attn", "multihead_attn"])
                {
                    blueprint.Matrix($"{layer}.{attention}.in_proj_weight", 3 * width, width);
                    blueprint.Add($"{layer}.{attention}.in_proj_bias", 0.05, 3 * width);
                    blueprint.Linear($"{layer}.{attention}.out_proj", width, width);
                }

                blueprint.Linear($"{layer}.linear1", hidden, width);
                blueprint.Linear($"{layer}.linear2", width, hidden);
                for (int norm = 1; norm <= (side == "encoder" ? 2 : 3); norm++)
                {
                    blueprint.Norm($"{layer}.norm{norm}", width);
                }
            }

            blueprint.Norm($"{Root}.tfm.{side}.norm", width);
        }

        blueprint.Add($"{Root}.query_embs", 1, 1, sizes.ProjectorTokens, width);
        blueprint.Linear($"{Root}.model", sizes.ProjectorOutput, width);
    }
}
