using M2UGen.Export.Blocks;

namespace M2UGen.Export.Configs;

/// <summary>What the configurations of ViT and ViViT say alike (transformers, configuration_vit.py and configuration_vivit.py).</summary>
internal sealed record VisionTransformerConfig
{
    /// <summary>Width, heads, feed-forward, activation and epsilon; pre-norm.</summary>
    public required EncoderLayerForm Form { get; init; }

    public required int Layers { get; init; }

    /// <summary>Whether query, key and value have biases.</summary>
    public required bool HasQkvBias { get; init; }

    /// <summary>Colour channels.</summary>
    public required int Channels { get; init; }

    /// <summary>Height and width of the picture in pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Reads the shared keys.</summary>
    /// <param name="config">The file.</param>
    /// <param name="epsilon">The layer norms' epsilon where the file has none.</param>
    /// <param name="activation">The activation where the file has none.</param>
    public static VisionTransformerConfig From(ConfigReader config, double epsilon, string activation)
    {
        int hidden = config.IntOr("hidden_size", 768);
        int heads = config.IntOr("num_attention_heads", 12);
        config.RequireTogether(hidden % heads == 0, "num_attention_heads", $"{heads} do not divide hidden_size {hidden}");
        return new VisionTransformerConfig
        {
            Form = new EncoderLayerForm
            {
                HiddenSize = hidden,
                FeedForwardSize = config.IntOr("intermediate_size", 3072),
                Heads = heads,
                Activation = Activations.Read(config, "hidden_act", activation),
                Epsilon = (float)config.DoubleOr("layer_norm_eps", epsilon, 0, 1),
                IsPreNorm = true,
            },
            Layers = config.IntOr("num_hidden_layers", 12, largest: ConfigReader.MostLayers),
            HasQkvBias = config.BoolOr("qkv_bias", true),
            Channels = config.IntOr("num_channels", 3, largest: 64),
            ImageSize = config.IntOr("image_size", 224, largest: 1 << 13),
        };
    }
}

/// <summary>What a ViT <c>config.json</c> says.</summary>
/// <param name="Transformer">What it shares with ViViT.</param>
/// <param name="PatchSize">Height and width of a patch in pixels.</param>
internal sealed record VitConfig(VisionTransformerConfig Transformer, int PatchSize)
{
    /// <summary>Patches of a picture.</summary>
    public int PatchCount => Transformer.ImageSize / PatchSize * (Transformer.ImageSize / PatchSize);

    /// <summary>Patches and the class token.</summary>
    public int TokenCount => PatchCount + 1;

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or misstates something; all of it is listed.</exception>
    public static VitConfig Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string modelType = config.TextOr("model_type", "vit");
        config.Require(modelType == "vit", "model_type", $"'{modelType}' is not supported; expected 'vit'");
        config.ThrowIfWrong("a ViT");
        VisionTransformerConfig transformer = VisionTransformerConfig.From(config, 1e-12, "gelu");
        int patch = config.IntOr("patch_size", 16, largest: 1 << 13);
        config.RequireTogether(patch <= transformer.ImageSize, "patch_size", $"{patch} is larger than image_size {transformer.ImageSize}");
        config.RequireTogether(Math.Pow(transformer.ImageSize / (double)patch, 2) <= ConfigReader.LargestSize, "patch_size", $"{patch} cuts a picture of {transformer.ImageSize} into too many patches");
        config.ThrowIfWrong("a ViT");
        return new VitConfig(transformer, patch);
    }
}

/// <summary>What a ViViT <c>config.json</c> says.</summary>
/// <param name="Transformer">What it shares with ViT.</param>
/// <param name="Frames">Frames of a clip.</param>
/// <param name="Tubelet">Size of a patch: frames, rows, columns.</param>
internal sealed record VivitConfig(VisionTransformerConfig Transformer, int Frames, IReadOnlyList<int> Tubelet)
{
    /// <summary>Patches of a clip.</summary>
    public int PatchCount => Frames / Tubelet[0] * (Transformer.ImageSize / Tubelet[1]) * (Transformer.ImageSize / Tubelet[2]);

    /// <summary>Patches and the class token.</summary>
    public int TokenCount => PatchCount + 1;

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or misstates something; all of it is listed.</exception>
    public static VivitConfig Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string modelType = config.TextOr("model_type", "vivit");
        config.Require(modelType == "vivit", "model_type", $"'{modelType}' is not supported; expected 'vivit'");
        config.ThrowIfWrong("a ViViT");
        VisionTransformerConfig transformer = VisionTransformerConfig.From(config, 1e-6, "gelu_fast");
        int frames = config.IntOr("num_frames", 32, largest: 1 << 12);
        int[] tubelet = config.Has("tubelet_size") ? config.Ints("tubelet_size", most: 3, largest: 1 << 13) : [2, 16, 16];
        config.RequireTogether(tubelet.Length == 3, "tubelet_size", $"has {tubelet.Length} numbers; expected frames, rows and columns");
        config.RequireTogether(
            tubelet is [int time, int rows, int columns] && time <= frames && rows <= transformer.ImageSize && columns <= transformer.ImageSize,
            "tubelet_size",
            $"is larger than num_frames {frames} or image_size {transformer.ImageSize}");
        config.RequireTogether(
            Math.Pow(transformer.ImageSize, 2) * frames / tubelet.Aggregate(1.0, (product, size) => product * size) <= ConfigReader.LargestSize,
            "tubelet_size",
            $"cuts {frames} frames of {transformer.ImageSize} pixels into too many patches");
        config.ThrowIfWrong("a ViViT");
        return new VivitConfig(transformer, frames, tubelet);
    }
}
