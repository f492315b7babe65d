using System.Text.Json.Nodes;
using M2UGen.Export.Architectures;
using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>MERT against its formulas in float64, on made-up weights: every form that a configuration can ask for.</summary>
public sealed class MertGraphTests
{
    private const int Hidden = 8;
    private const string Positional = "encoder.pos_conv_embed.conv";

    public static TheoryData<string> Variants => ["group post", "group stable", "layer stable bias", "deepnorm relax", "odd positions", "new names", "plain kernel", "no projection norm"];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Run_AnyForm_GivesTheFormulasFeature(string variant)
    {
        MertConfig config = Read(variant);
        using TemporaryFolder folder = new();
        PlainEncoder plain = MadeUp(config, variant);
        using Checkpoint checkpoint = plain.Write(folder.File("model.safetensors"));
        WeightMap map = WeightMap.From(checkpoint);
        using GraphRunner runner = new(MertGraph.Create(config, map, LearntAggregation.Read(map, "agg", config.States), new GraphOptions { Taps = ["*"] }).Graph);
        map.ThrowIfIncomplete();
        Assert.Equal(13, config.MinSamples);

        foreach (int samples in (int[])[13, 70])
        {
            float[] wave = Numbers.Make(samples, 3);

            Dictionary<string, (float[] Values, long[] Shape)> outputs = runner.Run(("input_values", wave, [1, samples]));

            double[][] states = States(plain, config, variant, wave);
            Assert.Equal([1, (samples - 13) / 6 + 1, Hidden], outputs["hidden_0"].Shape);
            Near.Equal([.. states.SelectMany(state => state.Select(value => (float)value))], outputs["means"].Values, 1e-4, $"means of {samples} samples");
            Near.Equal(plain.Aggregate("agg", states), outputs["feature"].Values, 1e-4, $"feature of {samples} samples");
            double[] mean = [.. Enumerable.Range(0, Hidden).Select(i => states.Average(state => state[i]))];
            Near.Equal(plain.Aggregate("agg", [.. states.Select(_ => mean)]), outputs["feature_over_states"].Values, 1e-4, "feature over states");
            Assert.True(states.Max(state => state.Max(Math.Abs)) > 0.3, "The states are flat: nothing could differ.");
        }
    }

    [Theory]
    [InlineData("feature_extractor_cqt", "true", "feature_extractor_cqt: CQT features")]
    [InlineData("deepnorm", "true", "deepnorm: does not go with do_stable_layer_norm")]
    [InlineData("feat_extract_norm", "\"batch\"", "feat_extract_norm: 'batch'")]
    [InlineData("hidden_act", "\"mish\"", "hidden_act: 'mish'")]
    [InlineData("conv_stride", "[3]", "conv_dim: has 2 numbers")]
    [InlineData("model_type", "\"hubert\"", "model_type: 'hubert'")]
    public void Read_UnsupportedConfiguration_IsRefusedByName(string key, string value, string reason)
    {
        using TemporaryFolder folder = new();
        JsonObject json = Json("group stable");
        json[key] = JsonNode.Parse(value);
        File.WriteAllText(folder.File("config.json"), json.ToJsonString());

        CheckpointException exception = Assert.Throws<CheckpointException>(() => MertConfig.Read(folder.File("config.json")));

        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    private static JsonObject Json(string variant) => new()
    {
        ["model_type"] = "mert_model",
        ["hidden_size"] = Hidden,
        ["num_attention_heads"] = 2,
        ["num_hidden_layers"] = 2,
        ["intermediate_size"] = 12,
        ["conv_dim"] = new JsonArray(4, 6),
        ["conv_kernel"] = new JsonArray(4, 4),
        ["conv_stride"] = new JsonArray(3, 2),
        ["conv_bias"] = variant.Contains("bias", StringComparison.Ordinal),
        ["feat_extract_norm"] = variant.Contains("layer", StringComparison.Ordinal) ? "layer" : "group",
        ["feat_proj_layer_norm"] = !variant.Contains("no projection", StringComparison.Ordinal),
        ["num_conv_pos_embeddings"] = variant.Contains("odd", StringComparison.Ordinal) ? 5 : 4,
        ["num_conv_pos_embedding_groups"] = 2,
        ["do_stable_layer_norm"] = variant.Contains("stable", StringComparison.Ordinal),
        ["deepnorm"] = variant.Contains("deepnorm", StringComparison.Ordinal),
        ["attention_relax"] = variant.Contains("relax", StringComparison.Ordinal) ? 32.0 : -1.0,
    };

    private static MertConfig Read(string variant)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), Json(variant).ToJsonString());
        return MertConfig.Read(folder.File("config.json"));
    }

    private static PlainLayer Layer(int index) => new(
        $"encoder.layers.{index}.layer_norm",
        $"encoder.layers.{index}.attention.q_proj",
        $"encoder.layers.{index}.attention.k_proj",
        $"encoder.layers.{index}.attention.v_proj",
        $"encoder.layers.{index}.attention.out_proj",
        $"encoder.layers.{index}.final_layer_norm",
        $"encoder.layers.{index}.feed_forward.intermediate_dense",
        $"encoder.layers.{index}.feed_forward.output_dense");

    private static (string? Magnitude, string Direction) KernelNames(string variant) => variant switch
    {
        "new names" => ($"{Positional}.parametrizations.weight.original0", $"{Positional}.parametrizations.weight.original1"),
        "plain kernel" => (null, $"{Positional}.weight"),
        _ => ($"{Positional}.weight_g", $"{Positional}.weight_v"),
    };

    private static PlainEncoder MadeUp(MertConfig config, string variant)
    {
        PlainEncoder plain = new();
        int input = 1;
        for (int i = 0; i < config.Convolutions.Count; i++)
        {
            MertConvolution conv = config.Convolutions[i];
            plain.AddLayer($"feature_extractor.conv_layers.{i}.conv", 1, conv.Channels, input, conv.Kernel);
            if (!config.HasConvBias)
            {
                plain.Get($"feature_extractor.conv_layers.{i}.conv.bias").AsSpan().Clear();
            }

            plain.AddLayer($"feature_extractor.conv_layers.{i}.layer_norm", 1, conv.Channels);
            input = conv.Channels;
        }

        plain.AddLayer("feature_projection.layer_norm", 1, input);
        plain.AddLayer("feature_projection.projection", 1, Hidden, input);
        (string? magnitude, string direction) = KernelNames(variant);
        if (magnitude is not null)
        {
            plain.Add(magnitude, 2, 1, 1, config.PositionalKernel);
        }

        plain.Add(direction, 1, Hidden, Hidden / config.PositionalGroups, config.PositionalKernel);
        plain.Add($"{Positional}.bias", 0.3f, Hidden);
        plain.AddLayer("encoder.layer_norm", 1, Hidden);
        for (int i = 0; i < config.Layers; i++)
        {
            plain.AddEncoderLayer(Layer(i), config.Form);
        }

        plain.Add("agg.weight", 1, 1, config.States, 1);
        plain.Add("agg.bias", 0.5f, 1);
        return plain;
    }

    /// <summary>The hidden states' means over time.</summary>
    private static double[][] States(PlainEncoder plain, MertConfig config, string variant, float[] wave)
    {
        // One row a time step, one column a channel.
        double[][] x = [.. wave.Select(sample => new double[] { sample })];
        for (int i = 0; i < config.Convolutions.Count; i++)
        {
            x = Convolution(plain, config, i, x);
        }

        x = config.HasProjectionNorm ? plain.Norm("feature_projection.layer_norm", x, config.Form.Epsilon) : x;
        x = plain.Linear("feature_projection.projection", x);
        x = PlainEncoder.Plus(x, Positions(plain, config, variant, x));
        x = config.Form.IsPreNorm ? x : plain.Norm("encoder.layer_norm", x, config.Form.Epsilon);
        List<double[][]> states = [x];
        for (int i = 0; i < config.Layers; i++)
        {
            x = plain.Layer(Layer(i), config.Form, x);
            states.Add(config.Form.IsPreNorm && i == config.Layers - 1 ? plain.Norm("encoder.layer_norm", x, config.Form.Epsilon) : x);
        }

        return [.. states.Select(state => Enumerable.Range(0, Hidden).Select(i => state.Average(row => row[i])).ToArray())];
    }

    private static double[][] Convolution(PlainEncoder plain, MertConfig config, int index, double[][] x)
    {
        (int channels, int kernel, int stride) = config.Convolutions[index];
        string name = $"feature_extractor.conv_layers.{index}";
        float[] weight = plain.Get($"{name}.conv.weight");
        float[] bias = plain.Get($"{name}.conv.bias");
        int inputs = x[0].Length;
        double[][] y = [.. Enumerable.Range(0, ((x.Length - kernel) / stride) + 1).Select(t => Enumerable.Range(0, channels).Select(output =>
            bias[output] + Enumerable.Range(0, inputs * kernel).Sum(at => weight[(output * inputs * kernel) + at] * x[(t * stride) + (at % kernel)][at / kernel])).ToArray())];
        if (config.HasLayerNormConvolutions)
        {
            y = plain.Norm($"{name}.layer_norm", y, 1e-5);
        }
        else if (index == 0)
        {
            float[] scale = plain.Get($"{name}.layer_norm.weight");
            float[] shift = plain.Get($"{name}.layer_norm.bias");
            for (int channel = 0; channel < channels; channel++)
            {
                double mean = y.Average(row => row[channel]);
                double deviation = Math.Sqrt(y.Average(row => (row[channel] - mean) * (row[channel] - mean)) + 1e-5);
                foreach (double[] row in y)
                {
                    row[channel] = ((row[channel] - mean) / deviation * scale[channel]) + shift[channel];
                }
            }
        }

        return [.. y.Select(row => row.Select(value => PlainEncoder.Apply(config.ConvActivation, value)).ToArray())];
    }

    /// <summary>w[:, :, k] = g[k] v[:, :, k] / |v[:, :, k]|; k/2 zeros on both sides, and the last frame dropped where k is even.</summary>
    private static double[][] Positions(PlainEncoder plain, MertConfig config, string variant, double[][] x)
    {
        (string? magnitude, string direction) = KernelNames(variant);
        int kernel = config.PositionalKernel;
        int width = Hidden / config.PositionalGroups;
        double[] weight = [.. plain.Get(direction).Select(value => (double)value)];
        for (int tap = 0; tap < kernel && magnitude is not null; tap++)
        {
            double length = Math.Sqrt(weight.Where((_, at) => at % kernel == tap).Sum(value => value * value));
            for (int at = tap; at < weight.Length; at += kernel)
            {
                weight[at] *= plain.Get(magnitude)[tap] / length;
            }
        }

        float[] bias = plain.Get($"{Positional}.bias");
        return [.. x.Select((_, t) => Enumerable.Range(0, Hidden).Select(output =>
        {
            double sum = bias[output];
            for (int input = 0; input < width; input++)
            {
                for (int tap = 0; tap < kernel; tap++)
                {
                    int from = t + tap - (kernel / 2);
                    if (from >= 0 && from < x.Length)
                    {
                        sum += weight[(((output * width) + input) * kernel) + tap] * x[from][(output / width * width) + input];
                    }
                }
            }

            return PlainEncoder.Apply(config.ConvActivation, sum);
        }).ToArray())];
    }
}
