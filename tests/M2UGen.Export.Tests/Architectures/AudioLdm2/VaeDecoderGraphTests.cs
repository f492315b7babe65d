using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures.AudioLdm2;

/// <summary>The autoencoder's decoder against its formulas in float64.</summary>
public sealed class VaeDecoderGraphTests
{
    private const int Groups = 2;
    private const int Height = 3;
    private const int Width = 2;

    private const string Config = """
        {"_class_name":"AutoencoderKL","block_out_channels":[4,6],"up_block_types":["UpDecoderBlock2D","UpDecoderBlock2D"],"latent_channels":3,"out_channels":1,"layers_per_block":1,"norm_num_groups":2,"scaling_factor":0.4}
        """;

    private static readonly float[] Latents = Numbers.Make(2 * 3 * Height * Width, 5);

    [Fact]
    public void VaeDecoder_TwoLatents_GivesTheFormulasSpectrograms()
    {
        using MadeUpFolder folder = new(Config, DiffusionFolder.OpenVae);

        (float[] values, long[] shape) = Decode(folder.Path);

        Assert.Equal([2, 1, 2 * Height, 2 * Width], shape);
        for (int row = 0; row < 2; row++)
        {
            double[] expected = Decode(folder.Weights, Picture.Of(3, Height, Width, Latents.AsSpan(row * Latents.Length / 2, Latents.Length / 2))).Values;
            Near.Equal([.. expected.Select(value => (float)value)], values.AsSpan(row * expected.Length, expected.Length), 1e-4, $"row {row}");
        }
    }

    [Fact]
    public void VaeDecoder_OldAttentionNames_GiveTheSame()
    {
        (string New, string Old)[] names = [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")];
        using MadeUpFolder folder = new(Config, DiffusionFolder.OpenVae);
        using TemporaryFolder old = new();
        File.WriteAllText(old.File("config.json"), Config);
        using (Checkpoint checkpoint = Checkpoint.Open(folder.WeightsPath))
        {
            // Older ones still have 1×1 convolutions there.
            CheckpointFiles.WriteSafetensors(old.File("diffusion_pytorch_model.safetensors"), [.. checkpoint.Tensors.Values.Select(tensor => (
                names.Aggregate(tensor.Name, (name, pair) => name.Replace($".{pair.New}.", $".{pair.Old}.", StringComparison.Ordinal)),
                tensor.Name.EndsWith(".to_q.weight", StringComparison.Ordinal) ? [.. tensor.Shape, 1, 1] : tensor.Shape.ToArray(),
                tensor.ReadFloat32()))]);
        }

        Assert.Equal(Decode(folder.Path).Values, Decode(old.Path).Values);
    }

    [Fact]
    public void OpenVae_AnotherBlockType_IsNamed()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), Config.Replace("[\"UpDecoderBlock2D\"", "[\"AttnUpDecoderBlock2D\"", StringComparison.Ordinal));

        CheckpointException exception = Assert.Throws<CheckpointException>(() => DiffusionFolder.OpenVae(folder.Path));

        Assert.Contains("up_block_types: 'AttnUpDecoderBlock2D' is not supported", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CreateParts_WithoutTheAttention_ListsItsTensors()
    {
        using MadeUpFolder folder = new(Config.Replace("{", "{\"mid_block_add_attention\":false,", StringComparison.Ordinal), DiffusionFolder.OpenVae);
        File.WriteAllText(Path.Combine(folder.Path, "config.json"), Config);
        using DiffusionFolder vae = DiffusionFolder.OpenVae(folder.Path);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => vae.CreateParts());

        Assert.Contains("10 tensors are missing", exception.Message, StringComparison.Ordinal);
        Assert.Contains("decoder.mid_block.attentions.0.to_q.weight [6, 6]", exception.Message, StringComparison.Ordinal);
    }

    private static (float[] Values, long[] Shape) Decode(string path)
    {
        using DiffusionFolder folder = DiffusionFolder.OpenVae(path);
        using GraphRunner runner = new(folder.CreateParts().Single().Graph);
        return runner.Run(("latents", Latents, [2, 3, Height, Width]))["mel"];
    }

    private static Picture Decode(PlainEncoder weights, Picture latents)
    {
        PlainDiffusion plain = new(weights);
        Picture x = plain.Conv("post_quant_conv", latents.Map((_, value) => value / 0.4), 1);
        x = plain.Conv("decoder.conv_in", x, 3);
        x = plain.Resnet("decoder.mid_block.resnets.0", x, Groups, 1e-6);
        const string Attention = "decoder.mid_block.attentions.0";
        double[][] rows = plain.GroupNorm($"{Attention}.group_norm", x, Groups, 1e-6).Rows();
        double[][] context = PlainDiffusion.Attend(weights.Linear($"{Attention}.to_q", rows), weights.Linear($"{Attention}.to_k", rows), weights.Linear($"{Attention}.to_v", rows), 1);
        x = x.Plus(Picture.FromRows(weights.Linear($"{Attention}.to_out.0", context), Height, Width));
        x = plain.Resnet("decoder.mid_block.resnets.1", x, Groups, 1e-6);
        x = plain.Resnet("decoder.up_blocks.0.resnets.0", x, Groups, 1e-6);
        x = plain.Resnet("decoder.up_blocks.0.resnets.1", x, Groups, 1e-6);
        x = plain.Conv("decoder.up_blocks.0.upsamplers.0.conv", PlainDiffusion.Resize(x, 2 * Height, 2 * Width), 3);
        x = plain.Resnet("decoder.up_blocks.1.resnets.0", x, Groups, 1e-6);
        x = plain.Resnet("decoder.up_blocks.1.resnets.1", x, Groups, 1e-6);
        return plain.Conv("decoder.conv_out", PlainDiffusion.Silu(plain.GroupNorm("decoder.conv_norm_out", x, Groups, 1e-6)), 3);
    }
}
