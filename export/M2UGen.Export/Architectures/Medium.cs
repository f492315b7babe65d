namespace M2UGen.Export.Architectures;

/// <summary>One of the three media that reach the language model, with its place and its names in an M2UGen checkpoint.</summary>
/// <param name="Index">Its third of the prefix layers: 0 the first of them.</param>
/// <param name="Name">For readers, and behind <c>prefix-</c> in its component's name.</param>
/// <param name="Encoder">The encoder's name in a bundle.</param>
/// <param name="EncoderTensors">What the encoder's tensors start with in a checkpoint.</param>
/// <param name="AdapterTensors">What the adapter's tensors start with: <c>mu_mert_proj.weight</c>, <c>mu_mert_f1_1.weight</c>.</param>
internal sealed record Medium(int Index, string Name, string Encoder, string EncoderTensors, string AdapterTensors)
{
    /// <summary>Heard by MERT.</summary>
    public static Medium Audio { get; } = new(0, "audio", MertGraph.Component, "mert_model.", "mu_mert");

    /// <summary>Seen by ViT.</summary>
    public static Medium Image { get; } = new(1, "image", VitGraph.Component, "vit_model.", "iu_vit");

    /// <summary>Seen by ViViT.</summary>
    public static Medium Video { get; } = new(2, "video", VivitGraph.Component, "vivit_model.", "iu_vivit");

    /// <summary>The name of the component that turns its feature into rows of the prefix.</summary>
    public string PrefixComponent => $"prefix-{Name}";

    /// <summary>The language model's layers that take its prefix: the first, and how many.</summary>
    public (int First, int Count) LayersOf(LlamaWeights llama)
    {
        int count = llama.PrefixLayers / 3;
        return (llama.Layers.Count - llama.PrefixLayers + (Index * count), count);
    }
}
