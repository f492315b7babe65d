using System.Text.Json.Nodes;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures.AudioLdm2;

/// <summary>The vocoder against its formulas in float64, and both spellings of weight norm.</summary>
public sealed class VocoderGraphTests
{
    private const int Bins = 3;
    private const int Frames = 6;

    // Kernel minus rate is odd in the first stage, so it gives a sample more; 7 channels are halved to 3 and 1.
    private const string Config = """
        {"model_type":"hifigan","model_in_dim":3,"sampling_rate":8000,"upsample_initial_channel":7,"upsample_rates":[3,2],"upsample_kernel_sizes":[6,4],
         "resblock_kernel_sizes":[3,5],"resblock_dilation_sizes":[[1,2],[3]],"leaky_relu_slope":0.2,"normalize_before":true}
        """;

    private static readonly float[] Mel = Numbers.Make(2 * Frames * Bins, 3);

    [Fact]
    public void Vocoder_TwoSpectrograms_GivesTheFormulasWaveforms()
    {
        using MadeUpFolder folder = new(Config, DiffusionFolder.OpenVocoder);

        (float[] values, long[] shape, JsonObject numbers) = Decode(folder.Path);

        Assert.Equal(6, (int)numbers["samples_per_frame"]!);
        Assert.Equal(2, (int)numbers["extra_samples"]!);
        Assert.Equal([2, (6 * Frames) + 2], shape);
        for (int row = 0; row < 2; row++)
        {
            float[] expected = [.. Decode(folder.Weights, Mel.AsSpan(row * Mel.Length / 2, Mel.Length / 2)).Select(value => (float)value)];
            Assert.True(expected.Max() - expected.Min() > 0.05f, "The waveform is flat: nothing could differ.");
            Near.Equal(expected, values.AsSpan(row * expected.Length, expected.Length), 1e-5, $"row {row}");
        }
    }

    [Theory]
    [InlineData("weight_g", "weight_v")]
    [InlineData("parametrizations.weight.original0", "parametrizations.weight.original1")]
    public void Vocoder_WeightNorm_IsResolvedOverTheFirstDimension(string magnitude, string direction)
    {
        using MadeUpFolder folder = new(Config, DiffusionFolder.OpenVocoder);
        using TemporaryFolder normalized = new();
        File.WriteAllText(normalized.File("config.json"), Config);
        using (Checkpoint checkpoint = Checkpoint.Open(folder.WeightsPath))
        {
            CheckpointFiles.WriteSafetensors(normalized.File("model.safetensors"), [.. checkpoint.Tensors.Values.SelectMany(tensor => tensor.Name.EndsWith(".weight", StringComparison.Ordinal)
                ? Split(tensor, tensor.Name[..^"weight".Length], magnitude, direction)
                : [(tensor.Name, [.. tensor.Shape], tensor.ReadFloat32())])]);
        }

        Near.Equal(Decode(folder.Path).Values, Decode(normalized.Path).Values, 1e-5, "waveform");
    }

    [Theory]
    [InlineData("\"resblock_kernel_sizes\":[3,4]", "resblock_kernel_sizes: holds an even kernel")]
    [InlineData("\"upsample_kernel_sizes\":[6]", "upsample_kernel_sizes: has 1 entries and upsample_rates 2")]
    [InlineData("\"upsample_kernel_sizes\":[2,4]", "upsample_kernel_sizes: has a kernel smaller than its upsample rate")]
    [InlineData("\"model_type\":\"univnet\"", "model_type: 'univnet' is not supported as vocoder")]
    [InlineData("\"resblock_dilation_sizes\":[1,2]", "resblock_dilation_sizes: expected a list of 1 to 32 lists")]
    public void OpenVocoder_WrongConfiguration_IsNamed(string key, string expected)
    {
        using TemporaryFolder folder = new();

        // A key given twice counts the second time.
        File.WriteAllText(folder.File("config.json"), $"{Config.TrimEnd()[..^1]},{key}}}");

        CheckpointException exception = Assert.Throws<CheckpointException>(() => DiffusionFolder.OpenVocoder(folder.Path));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    private static (float[] Values, long[] Shape, JsonObject Numbers) Decode(string path)
    {
        using DiffusionFolder folder = DiffusionFolder.OpenVocoder(path);
        BundlePart part = folder.CreateParts().Single();
        using GraphRunner runner = new(part.Graph);
        (float[] values, long[] shape) = runner.Run(("mel", Mel, [2, Frames, Bins]))["waveform"];
        return (values, shape, part.Config);
    }

    /// <summary>g with the norms of v's first dimension, and v of another length than the weight.</summary>
    private static (string, long[], float[])[] Split(CheckpointTensor tensor, string prefix, string magnitude, string direction)
    {
        float[] weight = tensor.ReadFloat32();
        int row = weight.Length / (int)tensor.Shape[0];
        float[] norms = [.. Enumerable.Range(0, (int)tensor.Shape[0]).Select(i => (float)Math.Sqrt(weight.AsSpan(i * row, row).ToArray().Sum(value => (double)value * value)))];
        return
        [
            (prefix + magnitude, [tensor.Shape[0], .. tensor.Shape.Skip(1).Select(_ => 1L)], norms),
            (prefix + direction, [.. tensor.Shape], [.. weight.Select((value, i) => value * (0.5f + (i / row)))]),
        ];
    }

    private static double[] Decode(PlainEncoder weights, ReadOnlySpan<float> mel)
    {
        float[] mean = weights.Get("mean");
        float[] scale = weights.Get("scale");
        double[][] x = new double[Bins][];
        for (int bin = 0; bin < Bins; bin++)
        {
            x[bin] = new double[Frames];
            for (int t = 0; t < Frames; t++)
            {
                x[bin][t] = (mel[(t * Bins) + bin] - mean[bin]) / (double)scale[bin];
            }
        }

        x = Conv(weights, "conv_pre", x, 1);
        (int Rate, int Kernel)[] stages = [(3, 6), (2, 4)];
        int[][] dilations = [[1, 2], [3]];
        for (int stage = 0; stage < stages.Length; stage++)
        {
            x = Transposed(weights, $"upsampler.{stage}", Leaky(x, 0.2), stages[stage].Rate, stages[stage].Kernel);
            double[][][] blocks = [.. dilations.Select((list, j) =>
            {
                double[][] y = x;
                for (int i = 0; i < list.Length; i++)
                {
                    string block = $"resblocks.{(stage * dilations.Length) + j}";
                    y = PlainEncoder.Plus(y, Conv(weights, $"{block}.convs2.{i}", Leaky(Conv(weights, $"{block}.convs1.{i}", Leaky(y, 0.2), list[i]), 0.2), 1));
                }

                return y;
            })];
            x = [.. PlainEncoder.Plus(blocks[0], blocks[1]).Select(row => row.Select(value => value / 2).ToArray())];
        }

        return [.. Conv(weights, "conv_post", Leaky(x, 0.01), 1)[0].Select(Math.Tanh)];
    }

    private static double[][] Leaky(double[][] x, double slope) => [.. x.Select(row => row.Select(value => value < 0 ? slope * value : value).ToArray())];

    private static double[][] Conv(PlainEncoder weights, string name, double[][] x, int dilation)
    {
        float[] matrix = weights.Get($"{name}.weight");
        float[] bias = weights.Get($"{name}.bias");
        int kernel = matrix.Length / bias.Length / x.Length;
        int pad = dilation * (kernel - 1) / 2;
        return [.. bias.Select((offset, output) => Enumerable.Range(0, x[0].Length).Select(t =>
        {
            double sum = offset;
            for (int channel = 0; channel < x.Length; channel++)
            {
                for (int tap = 0; tap < kernel; tap++)
                {
                    int at = t + (tap * dilation) - pad;
                    sum += at >= 0 && at < x[0].Length ? matrix[(((output * x.Length) + channel) * kernel) + tap] * x[channel][at] : 0;
                }
            }

            return sum;
        }).ToArray())];
    }

    private static double[][] Transposed(PlainEncoder weights, string name, double[][] x, int rate, int kernel)
    {
        float[] matrix = weights.Get($"{name}.weight");
        float[] bias = weights.Get($"{name}.bias");
        int pad = (kernel - rate) / 2;
        int length = ((x[0].Length - 1) * rate) + kernel - (2 * pad);
        double[][] y = [.. bias.Select(offset => Enumerable.Repeat((double)offset, length).ToArray())];
        for (int channel = 0; channel < x.Length; channel++)
        {
            for (int output = 0; output < bias.Length; output++)
            {
                for (int t = 0; t < x[0].Length; t++)
                {
                    for (int tap = 0; tap < kernel; tap++)
                    {
                        int at = (t * rate) + tap - pad;
                        if (at >= 0 && at < length)
                        {
                            y[output][at] += matrix[(((channel * bias.Length) + output) * kernel) + tap] * x[channel][t];
                        }
                    }
                }
            }
        }

        return y;
    }
}
