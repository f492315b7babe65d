using System.Runtime.InteropServices;
using M2UGen.Export;
using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using UNetCost = M2UGen.Sdk.Music.AudioLdm2.UNetCost;

namespace M2UGen.Parity.Speed;

/// <summary>The UNet's graph of a configuration with made-up weights: speed needs sizes, not a checkpoint.</summary>
/// <param name="GraphPath">The file.</param>
/// <param name="Cost">What one evaluation computes.</param>
internal sealed record SyntheticUNet(string GraphPath, UNetCost Cost)
{
    // Small enough that nothing overflows behind any number of layers, large enough that nothing vanishes.
    private const float Scale = 0.05f;

    /// <summary>The configuration of cvssp/audioldm2-music.</summary>
    private const string Published = """
        {"_class_name":"AudioLDM2UNet2DConditionModel","in_channels":8,"out_channels":8,"block_out_channels":[128,256,384,640],"layers_per_block":2,"norm_num_groups":32,
         "attention_head_dim":8,"cross_attention_dim":[[null,768,1024],[null,768,1024],[null,768,1024],[null,768,1024]],
         "down_block_types":["DownBlock2D","CrossAttnDownBlock2D","CrossAttnDownBlock2D","CrossAttnDownBlock2D"],
         "up_block_types":["CrossAttnUpBlock2D","CrossAttnUpBlock2D","CrossAttnUpBlock2D","UpBlock2D"]}
        """;

    /// <summary>Writes one.</summary>
    /// <param name="configPath">A UNet's config.json; null for the published one.</param>
    /// <param name="folder">A folder to be made.</param>
    /// <param name="precision">How the matrices are stored.</param>
    public static SyntheticUNet Write(string? configPath, string folder, PrecisionPolicy precision)
    {
        Directory.CreateDirectory(folder);
        if (configPath is null)
        {
            configPath = Path.Combine(folder, "config.json");
            File.WriteAllText(configPath, Published);
        }

        // A checkpoint without tensors: the graph is described with zeros in their place, which random numbers then overwrite.
        string none = Path.Combine(folder, "none.safetensors");
        File.WriteAllBytes(none, [2, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}']);
        using Checkpoint checkpoint = Checkpoint.Open(none);
        BundlePart part = UNetGraph.Create(UNetConfig.Read(configPath), WeightMap.From(checkpoint), new GraphOptions { Precision = precision });
        GraphFile.Save(part.Graph, folder);
        string graph = Path.Combine(folder, $"{part.Component}.onnx");
        Fill($"{graph}.data");
        return new SyntheticUNet(graph, new UNetCost(part.Config["cost"]!.AsArray()));
    }

    private static void Fill(string path)
    {
        Random random = new(1);
        float[] block = new float[1 << 20];
        using FileStream file = File.OpenWrite(path);
        for (long left = file.Length / sizeof(float); left > 0; left -= block.Length)
        {
            for (int i = 0; i < block.Length; i++)
            {
                block[i] = ((2 * random.NextSingle()) - 1) * Scale;
            }

            file.Write(MemoryMarshal.AsBytes(block.AsSpan(0, (int)Math.Min(left, block.Length))));
        }
    }
}
