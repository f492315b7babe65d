using M2UGen.Export.Architectures;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using M2UGen.Export.Sources;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>ViT and ViViT against their formulas in float64, on made-up weights of sizes that no published model has.</summary>
public sealed class VisionGraphTests
{
    private const int Hidden = 8;
    private const int ImageSize = 6;

    [Theory]
    [InlineData("gelu", true)]
    [InlineData("gelu_fast", false)]
    [InlineData("quick_gelu", true)]
    [InlineData("silu", true)]
    public void Vit_TwoPictures_GivesTheFormulasFeatures(string activation, bool hasQkvBias)
    {
        const int Patch = 2;
        const int Channels = 2;
        VitConfig config = new(Transformer(activation, hasQkvBias, Channels), Patch);
        using TemporaryFolder folder = new();
        PlainEncoder plain = MadeUp(config.Transformer, config.TokenCount, [Hidden, Channels, Patch, Patch]);
        using Checkpoint checkpoint = plain.Write(folder.File("model.safetensors"));
        WeightMap map = WeightMap.From(checkpoint);
        using GraphRunner runner = new(VitGraph.Create(config, map, LearntAggregation.Read(map, "agg", config.TokenCount), new GraphOptions { Taps = ["*"] }).Graph);
        map.ThrowIfIncomplete();
        float[] pixels = Numbers.Make(2 * Channels * ImageSize * ImageSize, 99);

        Dictionary<string, (float[] Values, long[] Shape)> outputs = runner.Run(("pixel_values", pixels, [2, Channels, ImageSize, ImageSize]));

        Assert.Equal([2, Hidden], outputs["feature"].Shape);
        Assert.Equal([2, 9, Hidden], outputs["patch_embeddings"].Shape);
        Assert.Equal(["embeddings", "feature", "hidden_1", "last_hidden_state", "patch_embeddings"], outputs.Keys.Order(StringComparer.Ordinal));
        int picture = pixels.Length / 2;
        float[] expected = [.. Enumerable.Range(0, 2).SelectMany(i => Feature(plain, config.Transformer, pixels.AsSpan(i * picture, picture), 1, [1, Patch, Patch]))];
        Near.Equal(expected, outputs["feature"].Values, 1e-4, "feature");
        Assert.True(expected.Max(Math.Abs) > 0.5f, "The features are flat: nothing could differ.");
    }

    [Fact]
    public void Vivit_OneClip_GivesTheFormulasFeature()
    {
        const int Frames = 4;
        int[] tubelet = [2, 3, 2];
        VivitConfig config = new(Transformer("gelu_fast", hasQkvBias: true, channels: 3), Frames, tubelet);
        using TemporaryFolder folder = new();
        PlainEncoder plain = MadeUp(config.Transformer, config.TokenCount, [Hidden, 3, 2, 3, 2]);
        using Checkpoint checkpoint = plain.Write(folder.File("model.safetensors"));
        WeightMap map = WeightMap.From(checkpoint);
        using GraphRunner runner = new(VivitGraph.Create(config, map, LearntAggregation.Read(map, "agg", config.TokenCount)).Graph);
        map.ThrowIfIncomplete();
        float[] pixels = Numbers.Make(Frames * 3 * ImageSize * ImageSize, 5);

        (float[] feature, long[] shape) = runner.Run(("pixel_values", pixels, [1, Frames, 3, ImageSize, ImageSize]))["feature"];

        Assert.Equal(13, config.TokenCount);
        Assert.Equal([1, Hidden], shape);
        Near.Equal(Feature(plain, config.Transformer, pixels, Frames, tubelet), feature, 1e-4, "feature");
    }

    [Fact]
    public void EncoderDirectory_ClassifiersNames_GivesTheModelsGraph()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), $$"""{"model_type":"vit","hidden_size":{{Hidden}},"num_attention_heads":2,"num_hidden_layers":2,"intermediate_size":12,"image_size":{{ImageSize}},"patch_size":3}""");
        File.WriteAllText(folder.File("preprocessor_config.json"), $$"""{"size":{{ImageSize}},"image_mean":[0.1,0.2,0.3],"image_std":[0.5,0.5,0.25]}""");
        PlainEncoder plain = MadeUp(Transformer("gelu", hasQkvBias: true, channels: 3), 5, [Hidden, 3, 3, 3]);
        plain.Write(folder.File("model.safetensors"), "vit.").Dispose();
        using Checkpoint aggregation = plain.Write(folder.File("aggregation.safetensors"));

        using EncoderDirectory directory = EncoderDirectory.OpenVit(folder.Path);
        BundlePart part = directory.CreatePart(WeightMap.From(aggregation), name: "agg");
        using GraphRunner runner = new(part.Graph);
        float[] pixels = Numbers.Make(3 * ImageSize * ImageSize, 7);
        float[] feature = runner.Run(("pixel_values", pixels, [1, 3, ImageSize, ImageSize]))["feature"].Values;

        Near.Equal(Feature(plain, VitConfig.Read(folder.File("config.json")).Transformer, pixels, 1, [1, 3, 3]), feature, 1e-4, "feature");
        Assert.Equal("""{"height":6,"width":6,"image_mean":[0.1,0.2,0.3],"image_std":[0.5,0.5,0.25]}""", directory.Preprocessing.ToJsonString());
        Assert.Equal(["config.json", "preprocessor_config.json", "model.safetensors"], directory.SourceFiles.Select(Path.GetFileName));
    }

    [Fact]
    public void CreatePart_AggregationOfAnotherSize_NamesBothShapes()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), $$"""{"model_type":"vit","hidden_size":{{Hidden}},"num_attention_heads":2,"num_hidden_layers":2,"intermediate_size":12,"image_size":{{ImageSize}},"patch_size":3}""");
        using Checkpoint checkpoint = MadeUp(Transformer("gelu", hasQkvBias: true, channels: 3), 4, [Hidden, 3, 3, 3]).Write(folder.File("model.safetensors"));

        using EncoderDirectory directory = EncoderDirectory.OpenVit(folder.Path);
        CheckpointException exception = Assert.Throws<CheckpointException>(() => directory.CreatePart(WeightMap.From(checkpoint), name: "agg"));

        Assert.Contains("position_embeddings: expected shape [1, 5, 8], found [1, 4, 8]", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EncoderPreprocessing_PublishedVivit_SpellsEverySizeOut()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("preprocessor_config.json"), """{"size":{"shortest_edge":224},"crop_size":{"height":224,"width":224},"rescale_factor":0.5,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}""");
        VivitConfig config = new(Transformer("gelu_fast", hasQkvBias: true, channels: 3) with { ImageSize = 224 }, 32, [2, 16, 16]);

        Assert.Equal(
            """{"shortest_edge":224,"crop_height":224,"crop_width":224,"rescale_factor":0.5,"offset":true,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}""",
            EncoderPreprocessing.Vivit(folder.File("preprocessor_config.json"), config).ToJsonString());
        CheckpointException exception = Assert.Throws<CheckpointException>(() => EncoderPreprocessing.Vivit(folder.File("preprocessor_config.json"), config with { Transformer = config.Transformer with { ImageSize = 96 } }));
        Assert.Contains("image_size 96", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"size":256}""", "\"shortest_edge\":256,\"crop_height\":224,\"crop_width\":224,\"rescale_factor\":0.00784313725490196,\"offset\":true")]
    [InlineData("""{"size":[230,240],"crop_size":[224,224]}""", "\"height\":230,\"width\":240,\"crop_height\":224,\"crop_width\":224,\"rescale_factor\":0.00784313725490196,\"offset\":true")]
    [InlineData("""{"size":{"height":230,"width":240},"crop_size":224}""", "\"height\":230,\"width\":240,\"crop_height\":224,\"crop_width\":224,\"rescale_factor\":0.00784313725490196,\"offset\":true")]
    [InlineData("""{"do_rescale":false,"offset":false}""", "\"shortest_edge\":256,\"crop_height\":224,\"crop_width\":224,\"rescale_factor\":1,\"offset\":false")]
    [InlineData("""{"rescale_factor":0.25,"offset":false,"size":null,"crop_size":null}""", "\"shortest_edge\":256,\"crop_height\":224,\"crop_width\":224,\"rescale_factor\":0.25,\"offset\":false")]
    public void EncoderPreprocessing_SpellingsOfVivit_MeanWhatTransformersTakesThemFor(string file, string expected)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("preprocessor_config.json"), file);
        VivitConfig config = new(Transformer("gelu_fast", hasQkvBias: true, channels: 3) with { ImageSize = 224 }, 32, [2, 16, 16]);

        string section = EncoderPreprocessing.Vivit(folder.File("preprocessor_config.json"), config).ToJsonString();

        Assert.Equal($$"""{{{expected}},"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}""", section);
    }

    [Theory]
    [InlineData("""{"do_rescale":false}""", "do_rescale: false does not go with an offset")]
    [InlineData("""{"size":[224]}""", "size: a list of 1 is no size")]
    [InlineData("""{"size":200}""", "crop_size: is larger than the resized frame's shortest_edge")]
    [InlineData("""{"resample":3}""", "resample: filter 3 is not supported")]
    public void EncoderPreprocessing_VivitThatCannotBe_IsRefusedByName(string file, string reason)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("preprocessor_config.json"), file);
        VivitConfig config = new(Transformer("gelu_fast", hasQkvBias: true, channels: 3) with { ImageSize = 224 }, 32, [2, 16, 16]);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => EncoderPreprocessing.Vivit(folder.File("preprocessor_config.json"), config));

        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"size":6}""")]
    [InlineData("""{"size":[6,6],"image_mean":0.5,"image_std":[0.5,0.5,0.5]}""")]
    [InlineData("""{"size":{"width":6,"height":6},"do_rescale":true,"rescale_factor":0.00392156862745098,"resample":2}""")]
    [InlineData("""{"size":null}""")]
    public void EncoderPreprocessing_SpellingsOfVit_AreOne(string file)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("preprocessor_config.json"), file);
        VitConfig config = new(Transformer("gelu", hasQkvBias: true, channels: 3), 3);

        string section = EncoderPreprocessing.Vit(folder.File("preprocessor_config.json"), config).ToJsonString();

        Assert.Equal("""{"height":6,"width":6,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}""", section);
    }

    private static VisionTransformerConfig Transformer(string activation, bool hasQkvBias, int channels)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), $$"""{"hidden_size":{{Hidden}},"num_attention_heads":2,"num_hidden_layers":2,"intermediate_size":12,"image_size":{{ImageSize}},"hidden_act":"{{activation}}","layer_norm_eps":1e-6}""");
        return VisionTransformerConfig.From(ConfigReader.Open(folder.File("config.json")), 1e-12, "gelu") with { HasQkvBias = hasQkvBias, Channels = channels };
    }

    private static PlainLayer Layer(int index) => new(
        $"encoder.layer.{index}.layernorm_before",
        $"encoder.layer.{index}.attention.attention.query",
        $"encoder.layer.{index}.attention.attention.key",
        $"encoder.layer.{index}.attention.attention.value",
        $"encoder.layer.{index}.attention.output.dense",
        $"encoder.layer.{index}.layernorm_after",
        $"encoder.layer.{index}.intermediate.dense",
        $"encoder.layer.{index}.output.dense");

    private static PlainEncoder MadeUp(VisionTransformerConfig config, int tokens, long[] projection)
    {
        PlainEncoder plain = new();
        plain.AddLayer("embeddings.patch_embeddings.projection", 0.5f, projection);
        plain.Add("embeddings.cls_token", 1, 1, 1, Hidden);
        plain.Add("embeddings.position_embeddings", 1, 1, tokens, Hidden);
        for (int i = 0; i < config.Layers; i++)
        {
            plain.AddEncoderLayer(Layer(i), config.Form);
        }

        if (!config.HasQkvBias)
        {
            // The formulas below always add biases: zeros are none.
            foreach (int i in Enumerable.Range(0, config.Layers))
            {
                foreach (string name in (string[])[Layer(i).Query, Layer(i).Key, Layer(i).Value])
                {
                    plain.Get($"{name}.bias").AsSpan().Clear();
                }
            }
        }

        plain.AddLayer("layernorm", 1, Hidden);
        plain.Add("agg.weight", 0.5f, 1, tokens, 1);
        plain.Add("agg.bias", 0.5f, 1);
        return plain;
    }

    private static float[] Feature(PlainEncoder plain, VisionTransformerConfig config, ReadOnlySpan<float> pixels, int frames, int[] tubelet)
    {
        float[] kernel = plain.Get("embeddings.patch_embeddings.projection.weight");
        float[] bias = plain.Get("embeddings.patch_embeddings.projection.bias");
        float[] positions = plain.Get("embeddings.position_embeddings");
        List<double[]> tokens = [[.. plain.Get("embeddings.cls_token").Select(value => (double)value)]];
        int side = config.ImageSize;
        for (int t = 0; t < frames; t += tubelet[0])
        {
            for (int y = 0; y < side; y += tubelet[1])
            {
                for (int x = 0; x < side; x += tubelet[2])
                {
                    double[] token = [.. bias.Select(value => (double)value)];
                    for (int at = 0; at < kernel.Length; at++)
                    {
                        (int rest, int dx) = Math.DivRem(at, tubelet[2]);
                        (rest, int dy) = Math.DivRem(rest, tubelet[1]);
                        (rest, int dt) = Math.DivRem(rest, tubelet[0]);
                        (int output, int channel) = Math.DivRem(rest, config.Channels);
                        token[output] += (double)kernel[at] * pixels[((((((t + dt) * config.Channels) + channel) * side) + y + dy) * side) + x + dx];
                    }

                    tokens.Add(token);
                }
            }
        }

        double[][] states = [.. tokens.Select((token, n) => token.Select((value, i) => value + positions[(n * Hidden) + i]).ToArray())];
        for (int i = 0; i < config.Layers; i++)
        {
            states = plain.Layer(Layer(i), config.Form, states);
        }

        return plain.Aggregate("agg", plain.Norm("layernorm", states, config.Form.Epsilon));
    }
}
