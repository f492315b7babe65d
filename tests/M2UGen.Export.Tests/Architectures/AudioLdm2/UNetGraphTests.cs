using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using M2UGen.Export.Sources;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;
using UNetCost = M2UGen.Sdk.Music.AudioLdm2.UNetCost;

namespace M2UGen.Export.Tests.Architectures.AudioLdm2;

/// <summary>The UNet's three graphs against its formulas in float64, on sizes and block lists that no published model has.</summary>
public sealed class UNetGraphTests
{
    private const int Groups = 4;
    private const int Channels = 3;
    private const int Height = 7;
    private const int Width = 3;
    private const int Prompt = 4;
    private const int Vectors = 2;

    // Blocks with and without attention on the way down and up; other numbers of layers, heads and paths for each resolution.
    private const string Config = """
        {"_class_name":"AudioLDM2UNet2DConditionModel","in_channels":3,"out_channels":3,"block_out_channels":[8,12,8],"norm_num_groups":4,"layers_per_block":[1,2,1],
         "attention_head_dim":[2,3,4],"transformer_layers_per_block":[1,2,1],"cross_attention_dim":[[5],[null,5,6],[null,null,6]],
         "down_block_types":["DownBlock2D","CrossAttnDownBlock2D","CrossAttnDownBlock2D"],"up_block_types":["UpBlock2D","CrossAttnUpBlock2D","CrossAttnUpBlock2D"]}
        """;

    private static readonly float[] Sample = Numbers.Make(Channels * Height * Width, 11);
    private static readonly float[] Generated = Numbers.Make(2 * Vectors * 5, 12);
    private static readonly float[] States = Numbers.Make(2 * Prompt * 6, 13);
    private static readonly long[] Mask = [1, 1, 0, 0, 1, 1, 1, 0];

    [Fact]
    public void Unet_OneSampleTwoConditions_GivesTheFormulasPredictions()
    {
        using MadeUpFolder folder = new(Config, DiffusionFolder.OpenUNet);
        using Graphs graphs = new(folder.Path);

        (float[] values, long[] shape) = graphs.Evaluate(Sample, 1, 421)["out_sample"];

        Assert.Equal([2, Channels, Height, Width], shape);
        UNetConfig config = UNetConfig.Read(Path.Combine(folder.Path, "config.json"));
        for (int row = 0; row < 2; row++)
        {
            double[] expected = Predict(new PlainDiffusion(folder.Weights), config, row, 421).Values;
            Assert.True(expected.Max(Math.Abs) > 0.3, "The prediction is flat: nothing could differ.");
            Near.Equal([.. expected.Select(value => (float)value)], values.AsSpan(row * expected.Length, expected.Length), 2e-4, $"row {row}");
        }
    }

    [Fact]
    public void Unet_SampleGivenOnceOrTwice_GivesTheSame()
    {
        using MadeUpFolder folder = new(Config, DiffusionFolder.OpenUNet);
        using Graphs graphs = new(folder.Path);

        float[] once = graphs.Evaluate(Sample, 1, 3)["out_sample"].Values;
        float[] twice = graphs.Evaluate([.. Sample, .. Sample], 2, 3)["out_sample"].Values;

        Near.Equal(once, twice, 1e-5, "out_sample");
        Assert.NotEqual(once[..(once.Length / 2)], once[(once.Length / 2)..]);
    }

    [Fact]
    public void Unet_LinearProjections_AreTheSameMatrices()
    {
        using MadeUpFolder folder = new(Config, DiffusionFolder.OpenUNet);
        using TemporaryFolder linear = new();
        File.WriteAllText(linear.File("config.json"), Config.Replace("\"in_channels\"", "\"use_linear_projection\":true,\"in_channels\"", StringComparison.Ordinal));
        using (Checkpoint checkpoint = Checkpoint.Open(folder.WeightsPath))
        {
            CheckpointFiles.WriteSafetensors(linear.File("model.safetensors"), [.. checkpoint.Tensors.Values.Select(tensor => (
                tensor.Name,
                tensor.Name.Contains(".proj_", StringComparison.Ordinal) && tensor.Shape.Count == 4 ? tensor.Shape.Take(2).ToArray() : [.. tensor.Shape],
                tensor.ReadFloat32()))]);
        }

        using Graphs convolutions = new(folder.Path);
        using Graphs matrices = new(linear.Path);

        Assert.Equal(convolutions.Evaluate(Sample, 1, 9)["out_sample"].Values, matrices.Evaluate(Sample, 1, 9)["out_sample"].Values);
    }

    [Fact]
    public void Create_Taps_NameEveryStage()
    {
        using MadeUpFolder folder = new(Config, DiffusionFolder.OpenUNet);
        using Graphs graphs = new(folder.Path, "*");

        Dictionary<string, (float[] Values, long[] Shape)> outputs = graphs.Evaluate(Sample, 1, 421);

        Assert.Equal([1, 8, Height, Width], outputs["conv_in"].Shape);
        Assert.Equal([1, 8, 4, 2], outputs["down0"].Shape);
        Assert.Equal([1, 12, 4, 2], outputs["down1.attention0"].Shape);
        Assert.Equal([1, 12, 4, 2], outputs["down1.attention1.proj_in"].Shape);
        Assert.Equal([1, 8, 12], outputs["down1.attention1.block0.attn1"].Shape);
        Assert.Equal([2, 8, 12], outputs["down1.attention1.block0.attn2"].Shape);
        Assert.Equal([2, 8, 2, 1], outputs["mid"].Shape);
        Assert.Equal([2, 8, Height, Width], outputs["conv_norm_out"].Shape);
        foreach (string stage in (string[])["down0.resnet0", "down1.resnet1", "down2.attention2.ff", "mid.attention2", "mid.resnet1", "up0.resnet1", "up1.attention8.norm", "up2"])
        {
            Assert.Contains(stage, outputs.Keys);
        }

        using Graphs plain = new(folder.Path);
        Near.Equal(plain.Evaluate(Sample, 1, 421)["out_sample"].Values, outputs["out_sample"].Values, 1e-5, "out_sample");
    }

    [Fact]
    public void Cost_CountsWhatTheGraphComputes()
    {
        using MadeUpFolder folder = new("""{"in_channels":2,"out_channels":1,"block_out_channels":[4],"norm_num_groups":2,"layers_per_block":1,"attention_head_dim":2,"cross_attention_dim":[[null,5,6]],"down_block_types":["CrossAttnDownBlock2D"],"up_block_types":["UpBlock2D"],"conv_in_kernel":1}""", DiffusionFolder.OpenUNet);
        using Graphs graphs = new(folder.Path);
        UNetCost cost = new(graphs.Unet.Config["cost"]!.AsArray());

        // Positions 6. Before the first cross attention: conv_in, a resnet, one path with two self attentions, half of another.
        const long Projections = 2 * 16;
        const long FeedForward = (32 * 4) + (4 * 16);
        const long Attention = 4 * 16;
        const long SelfScores = 2 * 6 * 4;
        long samples = 6 * ((2 * 4) + (2 * 9 * 16) + Projections + FeedForward + (2 * (Attention + SelfScores)) + 16 + Attention + SelfScores);

        // The rest of that path (to_q and to_out: keys and values come from outside), the third path, the middle with all three, two resnets on joined channels, conv_out.
        const long Crossing = 2 * 16;
        long rows = 6 * (Crossing + (2 * 3 * 4) + FeedForward + 16
            + Projections + Attention + SelfScores + Crossing + (2 * 5 * 4) + FeedForward
            + (2 * 2 * 9 * 16) + (3 * (Projections + FeedForward)) + (4 * (Attention + SelfScores)) + (2 * Crossing) + (2 * (3 + 5) * 4)
            + (2 * ((9 * 32) + (9 * 16) + 32)) + (9 * 4));
        Assert.Equal((7 * samples) + (14 * rows), cost.MultiplyAdds(7, 14, 3, 2, generated: 3, prompt: 5));
    }

    [Theory]
    [InlineData("\"down_block_types\":[\"AttnDownBlock2D\",\"DownBlock2D\",\"DownBlock2D\"]", "down_block_types: 'AttnDownBlock2D' is not supported")]
    [InlineData("\"up_block_types\":[\"UpBlock2D\",\"SkipUpBlock2D\",\"UpBlock2D\"]", "up_block_types: 'SkipUpBlock2D' is not supported")]
    [InlineData("\"up_block_types\":[\"UpBlock2D\"]", "up_block_types: has 1 entries and block_out_channels 3")]
    [InlineData("\"mid_block_type\":\"UNetMidBlock2D\"", "mid_block_type: 'UNetMidBlock2D' is not supported")]
    [InlineData("\"resnet_time_scale_shift\":\"scale_shift\"", "resnet_time_scale_shift: 'scale_shift' is not supported")]
    [InlineData("\"only_cross_attention\":[false,true,false]", "only_cross_attention: transformers without self attention")]
    [InlineData("\"class_embed_type\":\"timestep\"", "class_embed_type: is not supported")]
    [InlineData("\"cross_attention_dim\":[[null,5,6],[null,7,6],[6]]", "cross_attention_dim: gives the same states the widths 7 and 6 and 5")]
    [InlineData("\"cross_attention_dim\":[[1,2,3,4,5],[1],[1]]", "cross_attention_dim: expected a whole number, or a list of 3 numbers or lists of at most 4")]
    [InlineData("\"norm_num_groups\":5", "norm_num_groups: 5 do not divide every one of block_out_channels")]
    [InlineData("\"act_fn\":\"mish\"", "act_fn: 'mish' is not supported")]
    [InlineData("\"conv_out_kernel\":4", "conv_out_kernel: 4 is even")]
    [InlineData("\"layers_per_block\":1000", "layers_per_block: asks for 3000 layers with 10000 transformer layers; at most 1024")]
    public void Read_Unsupported_IsNamed(string key, string expected)
    {
        using TemporaryFolder folder = new();

        // A key given twice counts the second time.
        File.WriteAllText(folder.File("config.json"), $"{Config.TrimEnd()[..^1]},{key}}}");

        CheckpointException exception = Assert.Throws<CheckpointException>(() => UNetConfig.Read(folder.File("config.json")));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    /// <summary>The whole network for one row of the conditions.</summary>
    private static Picture Predict(PlainDiffusion plain, UNetConfig config, int row, double timestep)
    {
        double[] time = plain.TimeEmbedding(timestep, config.TimeChannels);
        double[][] generated = Rows(Generated, row, Vectors, 5);
        double[][] states = Rows(States, row, Prompt, 6);
        long[] mask = Mask[(row * Prompt)..((row + 1) * Prompt)];
        Picture x = plain.Conv("conv_in", Picture.Of(Channels, Height, Width, Sample), 3);
        Stack<Picture> skips = new([x]);
        for (int i = 0; i < config.Down.Count; i++)
        {
            for (int layer = 0; layer < config.Down[i].Layers; layer++)
            {
                x = Layer($"down_blocks.{i}", config.Down[i], layer, x);
                skips.Push(x);
            }

            if (i < config.Down.Count - 1)
            {
                x = plain.Conv($"down_blocks.{i}.downsamplers.0.conv", x, 3, stride: 2);
                skips.Push(x);
            }
        }

        x = Layer("mid_block", config.Middle, 0, x);
        x = plain.Resnet("mid_block.resnets.1", x, Groups, 1e-5, time);
        for (int i = 0; i < config.Up.Count; i++)
        {
            for (int layer = 0; layer < config.Up[i].Layers; layer++)
            {
                x = Layer($"up_blocks.{i}", config.Up[i], layer, PlainDiffusion.Join(x, skips.Pop()));
            }

            if (i < config.Up.Count - 1)
            {
                x = plain.Conv($"up_blocks.{i}.upsamplers.0.conv", PlainDiffusion.Resize(x, skips.Peek().Height, skips.Peek().Width), 3);
            }
        }

        return plain.Conv("conv_out", PlainDiffusion.Silu(plain.GroupNorm("conv_norm_out", x, Groups, 1e-5)), 3);

        Picture Layer(string module, UNetBlockConfig block, int layer, Picture value)
        {
            value = plain.Resnet($"{module}.resnets.{layer}", value, Groups, 1e-5, time);
            for (int path = 0; path < block.Paths.Count; path++)
            {
                (double[][]? seen, long[]? hidden) = block.Paths[path].Source switch
                {
                    UNetAttentionSource.Generated => (generated, null),
                    UNetAttentionSource.Prompt => (states, mask),
                    _ => ((double[][]?)null, (long[]?)null),
                };
                value = plain.Transformer($"{module}.attentions.{(layer * block.Paths.Count) + path}", value, Groups, block.Heads, block.TransformerLayers, seen, hidden);
            }

            return value;
        }

        static double[][] Rows(float[] values, int row, int count, int width)
            => [.. Enumerable.Range(row * count, count).Select(i => values.AsSpan(i * width, width).ToArray().Select(value => (double)value).ToArray())];
    }

    /// <summary>The three graphs of a folder.</summary>
    private sealed class Graphs : IDisposable
    {
        private readonly DiffusionFolder folder;
        private readonly Dictionary<string, GraphRunner> runners = [];

        public Graphs(string path, params string[] taps)
        {
            folder = DiffusionFolder.OpenUNet(path);
            IReadOnlyList<BundlePart> parts = folder.CreateParts(new GraphOptions { Taps = taps });
            foreach (BundlePart part in parts)
            {
                runners.Add(part.Component, new GraphRunner(part.Graph));
            }

            Unet = parts.Single(part => part.Component == UNetGraph.Component);
        }

        public BundlePart Unet { get; }

        /// <summary>One evaluation under both conditions.</summary>
        public Dictionary<string, (float[] Values, long[] Shape)> Evaluate(float[] sample, long samples, float timestep)
        {
            Dictionary<string, (float[] Values, long[] Shape)> time = runners[UNetTimeGraph.Component].Run(("timesteps", new[] { timestep }, [1]));
            Dictionary<string, (float[] Values, long[] Shape)> keys = runners[UNetConditionGraph.Component].Run(
                ("generated_prompt_embeds", Generated, [2, Vectors, 5]),
                ("prompt_embeds", States, [2, Prompt, 6]),
                ("attention_mask", Mask, [2, Prompt]));
            return runners[UNetGraph.Component].Run(
            [
                ("sample", sample, [samples, Channels, Height, Width]),
                ("time_projections", time["time_projections"].Values, time["time_projections"].Shape),
                .. keys.Select(key => (key.Key, (Array)key.Value.Values, key.Value.Shape)),
            ]);
        }

        public void Dispose()
        {
            foreach (GraphRunner runner in runners.Values)
            {
                runner.Dispose();
            }

            folder.Dispose();
        }
    }
}
