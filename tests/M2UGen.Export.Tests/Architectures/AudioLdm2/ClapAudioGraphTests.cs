using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures.AudioLdm2;

/// <summary>HTSAT against its formulas in float64, on made-up weights of sizes that no published model has: overlapping patches, other windows, no biases, a batch.</summary>
public sealed class ClapAudioGraphTests
{
    private const int Batch = 2;
    private const int Frames = 45;
    private const int Embedding = 5;

    private static readonly ClapAudioConfig Odd = new()
    {
        MelBins = 6,
        ImageSize = 24,
        PatchSize = 4,
        PatchStride = (2, 2),
        PatchWidth = 4,
        Depths = [2, 3],
        Heads = [2, 4],
        WindowSize = 3,
        FeedForwardRatio = 1.5,
        Activation = Activation.Relu,
        Epsilon = 1e-3f,
        HasQkvBias = false,
        HasPatchNorm = false,
        HasFusion = false,
        FusionRatio = 2,
    };

    [Fact]
    public void Run_OddSizes_GivesTheFormulasEmbeddings() => Compare(Odd, [false, false]);

    [Fact]
    public void Run_Fusion_CountsTheChunksOfLongClipsOnly() => Compare(Odd with { HasFusion = true, HasQkvBias = true, HasPatchNorm = true, Activation = Activation.Gelu }, [true, false]);

    [Fact]
    public void Create_PatchesThatMissTheGrid_IsRefused()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), """{"audio_config":{"patch_size":7}}""");
        Assert.Contains("patch_size", Assert.Throws<CheckpointException>(() => ClapConfig.Read(folder.File("config.json"))).Message, StringComparison.Ordinal);
    }

    private static void Compare(ClapAudioConfig audio, bool[] longer)
    {
        ClapConfig config = Config(audio);
        using TemporaryFolder folder = new();
        Model model = new(audio);
        using Checkpoint checkpoint = model.Write(folder);
        WeightMap map = WeightMap.From(checkpoint);
        GraphBuilder graph = ClapAudioGraph.Create(config, map).Graph;
        map.ThrowIfIncomplete();
        using GraphRunner runner = new(graph);
        float[] features = Numbers.Make(Batch * audio.Channels * Frames * audio.MelBins, 41);
        List<(string, Array, long[])> inputs = [("input_features", features, [Batch, audio.Channels, Frames, audio.MelBins])];
        if (audio.HasFusion)
        {
            inputs.Add(("is_longer", longer, [Batch, 1]));
        }

        float[] found = runner.Run([.. inputs])["audio_embeds"].Values;

        int size = features.Length / Batch;
        float[] expected = [.. Enumerable.Range(0, Batch).SelectMany(i => model.Embed(features.AsSpan(i * size, size), longer[i]))];
        Near.Equal(expected, found, 1e-4, "embeddings");
        Assert.True(Enumerable.Range(0, Embedding).Max(i => Math.Abs(expected[i] - expected[Embedding + i])) > 0.01f, "The embeddings are alike: nothing could differ.");
    }

    private static ClapConfig Config(ClapAudioConfig audio)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), "{}");
        return ClapConfig.Read(folder.File("config.json")) with { Audio = audio, ProjectionSize = Embedding };
    }

    /// <summary>The model written out plainly, one clip at a time.</summary>
    private sealed class Model
    {
        private readonly ClapAudioConfig _config;
        private readonly List<(string Name, long[] Shape, float[] Values)> _tensors = [];

        public Model(ClapAudioConfig config)
        {
            _config = config;
            const string Encoder = "audio_model.audio_encoder.";
            AddBatchNorm($"{Encoder}batch_norm", config.MelBins);
            Add($"{Encoder}patch_embed.proj.weight", 0.5f, config.PatchWidth, 1, config.PatchSize, config.PatchSize);
            Add($"{Encoder}patch_embed.proj.bias", 0.5f, config.PatchWidth);
            AddNorm($"{Encoder}patch_embed.norm", config.PatchWidth);
            Add($"{Encoder}patch_embed.mel_conv2d.weight", 0.5f, config.PatchWidth, 1, config.PatchSize, 3 * config.PatchSize);
            Add($"{Encoder}patch_embed.mel_conv2d.bias", 0.5f, config.PatchWidth);
            int inner = config.PatchWidth / config.FusionRatio;
            foreach ((string branch, int first) in ((string, int)[])[("local_att", 0), ("global_att", 1)])
            {
                string path = $"{Encoder}patch_embed.fusion_model.{branch}";
                Add($"{path}.{first}.weight", 1, inner, config.PatchWidth, 1, 1);
                Add($"{path}.{first}.bias", 1, inner);
                AddBatchNorm($"{path}.{first + 1}", inner);
                Add($"{path}.{first + 3}.weight", 1, config.PatchWidth, inner, 1, 1);
                Add($"{path}.{first + 3}.bias", 1, config.PatchWidth);
                AddBatchNorm($"{path}.{first + 4}", config.PatchWidth);
            }

            for (int stage = 0; stage < config.Depths.Count; stage++)
            {
                int width = config.WidthOf(stage);
                string path = $"{Encoder}layers.{stage}";
                for (int block = 0; block < config.Depths[stage]; block++)
                {
                    AddLayer($"{path}.blocks.{block}", width, config.Heads[stage]);
                }

                if (stage + 1 < config.Depths.Count)
                {
                    AddNorm($"{path}.downsample.norm", 4 * width);
                    Add($"{path}.downsample.reduction.weight", 0.5f, 2 * width, 4 * width);
                }
            }

            AddNorm($"{Encoder}norm", config.OutputWidth);
            AddLinear("audio_projection.linear1", Embedding, config.OutputWidth);
            AddLinear("audio_projection.linear2", Embedding, Embedding);
            _tensors.Add(("logit_scale_a", [], [2]));
            _tensors.Add(("logit_scale_t", [], [3]));
        }

        public Checkpoint Write(TemporaryFolder folder)
        {
            CheckpointFiles.WriteSafetensors(folder.File("model.safetensors"), [.. _tensors]);
            return Checkpoint.Open(folder.File("model.safetensors"));
        }

        public float[] Embed(ReadOnlySpan<float> features, bool isLonger)
        {
            int plane = Frames * _config.MelBins;
            double[][,] images = new double[_config.Channels][,];
            for (int channel = 0; channel < images.Length; channel++)
            {
                images[channel] = Image(features.Slice(channel * plane, plane));
            }

            double[,][] patches = Conv(images[0], "proj", 1);
            if (isLonger)
            {
                patches = Fuse(patches, images);
            }

            int rows = _config.GridRows;
            int columns = _config.GridColumns;
            double[,][] x = new double[rows, columns][];
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                {
                    x[row, column] = _config.HasPatchNorm ? Norm("patch_embed.norm", patches[row, column], 1e-5) : patches[row, column];
                }
            }

            for (int stage = 0; stage < _config.Depths.Count; stage++)
            {
                for (int block = 0; block < _config.Depths[stage]; block++)
                {
                    int shift = block % 2 == 1 && Math.Min(x.GetLength(0), x.GetLength(1)) > _config.WindowSize ? _config.WindowSize / 2 : 0;
                    x = Layer($"layers.{stage}.blocks.{block}", x, _config.Heads[stage], shift);
                }

                x = stage + 1 < _config.Depths.Count ? Merge($"layers.{stage}.downsample", x) : x;
            }

            double[][] states = [.. x.Cast<double[]>().Select(state => Norm("norm", state, 1e-5))];
            double[] pooled = [.. Enumerable.Range(0, _config.OutputWidth).Select(i => states.Average(state => state[i]))];
            double[] projected = Project("linear2", [.. Project("linear1", pooled).Select(value => Math.Max(value, 0))]);
            double length = Math.Sqrt(projected.Sum(value => value * value));
            return [.. projected.Select(value => (float)(value / length))];
        }

        /// <summary>Normalised, stretched, folded.</summary>
        private double[,] Image(ReadOnlySpan<float> mel)
        {
            double[,] normalized = new double[Frames, _config.MelBins];
            for (int i = 0; i < mel.Length; i++)
            {
                int bin = i % _config.MelBins;
                normalized[i / _config.MelBins, bin] = BatchNorm("batch_norm", bin, mel[i]);
            }

            int size = _config.ImageSize;
            double[,] image = new double[size, size];
            for (int row = 0; row < size; row++)
            {
                for (int column = 0; column < size; column++)
                {
                    // Piece after piece of time, each with the bins as rows.
                    int time = (row / _config.MelBins * size) + column;
                    double at = (double)(Frames - 1) / (_config.StretchedFrames - 1) * time;
                    for (int k = (int)at - 1; k <= (int)at + 2; k++)
                    {
                        image[row, column] += Kernel(at - k) * normalized[Math.Clamp(k, 0, Frames - 1), row % _config.MelBins];
                    }
                }
            }

            return image;
        }

        private static double Kernel(double distance)
        {
            const double A = -0.75;
            double d = Math.Abs(distance);
            return d <= 1 ? ((A + 2) * d * d * d) - ((A + 3) * d * d) + 1 : d < 2 ? (A * d * d * d) - (5 * A * d * d) + (8 * A * d) - (4 * A) : 0;
        }

        private double[,][] Conv(double[,] image, string layer, int wider)
        {
            float[] weight = Get($"patch_embed.{layer}.weight");
            float[] bias = Get($"patch_embed.{layer}.bias");
            int pad = (_config.PatchSize - _config.PatchStride.Rows) / 2;
            int size = _config.PatchSize;
            int step = _config.PatchStride.Columns * wider;
            int columns = ((_config.ImageSize + (2 * pad) - (size * wider)) / step) + 1;
            double[,][] result = new double[_config.GridRows, columns][];
            for (int row = 0; row < _config.GridRows; row++)
            {
                for (int column = 0; column < columns; column++)
                {
                    result[row, column] = new double[_config.PatchWidth];
                    for (int i = 0; i < weight.Length; i++)
                    {
                        int y = (row * _config.PatchStride.Rows) - pad + (i / (size * wider) % size);
                        int x = (column * step) - pad + (i % (size * wider));
                        if (y >= 0 && x >= 0 && y < _config.ImageSize && x < _config.ImageSize)
                        {
                            result[row, column][i / (size * size * wider)] += weight[i] * image[y, x];
                        }
                    }

                    for (int i = 0; i < bias.Length; i++)
                    {
                        result[row, column][i] += bias[i];
                    }
                }
            }

            return result;
        }

        private double[,][] Fuse(double[,][] whole, double[][,] images)
        {
            double[,][] local = new double[_config.GridRows, _config.GridColumns][];
            double[][,][] chunks = [.. images.Skip(1).Select(image => Conv(image, "mel_conv2d", 3))];
            int across = chunks[0].GetLength(1);
            for (int i = 0; i < local.Length; i++)
            {
                (int row, int column) = (i / _config.GridColumns, i % _config.GridColumns);
                local[row, column] = column < 3 * across ? chunks[column / across][row, column % across] : new double[_config.PatchWidth];
            }

            double[] mean = [.. Enumerable.Range(0, _config.PatchWidth).Select(i => whole.Cast<double[]>().Average(state => state[i]) + local.Cast<double[]>().Average(state => state[i]))];
            double[] global = Branch("global_att", 1, mean);
            double[,][] fused = new double[_config.GridRows, _config.GridColumns][];
            for (int i = 0; i < fused.Length; i++)
            {
                double[] x = whole[i / _config.GridColumns, i % _config.GridColumns];
                double[] y = local[i / _config.GridColumns, i % _config.GridColumns];
                double[] near = Branch("local_att", 0, [.. x.Zip(y, (a, b) => a + b)]);
                fused[i / _config.GridColumns, i % _config.GridColumns] =
                    [.. x.Select((value, k) => 1 / (1 + Math.Exp(-near[k] - global[k])) is var share ? (2 * value * share) + (2 * y[k] * (1 - share)) : 0)];
            }

            return fused;
        }

        private double[] Branch(string branch, int first, double[] x)
        {
            string path = $"patch_embed.fusion_model.{branch}";
            double[] inner = [.. Linear($"{path}.{first}", x).Select((value, i) => Math.Max(BatchNorm($"{path}.{first + 1}", i, value), 0))];
            return [.. Linear($"{path}.{first + 3}", inner).Select((value, i) => BatchNorm($"{path}.{first + 4}", i, value))];
        }

        private double[,][] Layer(string path, double[,][] x, int heads, int shift)
        {
            (int rows, int columns) = (x.GetLength(0), x.GetLength(1));
            int window = _config.WindowSize;
            int width = x[0, 0].Length;
            float[] table = Get($"{path}.attention.self.relative_position_bias_table");
            double[,][] result = new double[rows, columns][];
            double[][][] qkv = [.. ((string[])["query", "key", "value"]).Select(part => x.Cast<double[]>().Select(state =>
                Linear($"{path}.attention.self.{part}", Norm($"{path}.layernorm_before", state, _config.Epsilon), _config.HasQkvBias)).ToArray())];
            for (int query = 0; query < rows * columns; query++)
            {
                (int row, int column) = (query / columns, query % columns);

                // Places in the turned picture; those that share a window and lie as near in the picture itself are seen.
                (int turnedRow, int turnedColumn) = ((row - shift + rows) % rows, (column - shift + columns) % columns);
                List<int> seen = [];
                for (int key = 0; key < rows * columns; key++)
                {
                    (int keyRow, int keyColumn) = (key / columns, key % columns);
                    (int otherRow, int otherColumn) = ((keyRow - shift + rows) % rows, (keyColumn - shift + columns) % columns);
                    if (otherRow / window == turnedRow / window && otherColumn / window == turnedColumn / window && Math.Abs(row - keyRow) < window && Math.Abs(column - keyColumn) < window)
                    {
                        seen.Add(key);
                    }
                }

                double[] context = new double[width];
                int size = width / heads;
                for (int head = 0; head < heads; head++)
                {
                    double[] scores = [.. seen.Select(key =>
                    {
                        int place = ((row - (key / columns) + window - 1) * ((2 * window) - 1)) + column - (key % columns) + window - 1;
                        return (Enumerable.Range(head * size, size).Sum(i => qkv[0][query][i] * qkv[1][key][i]) / Math.Sqrt(size)) + table[(place * heads) + head];
                    })];
                    double[] shares = [.. scores.Select(score => Math.Exp(score - scores.Max()))];
                    for (int i = head * size; i < (head + 1) * size; i++)
                    {
                        context[i] = seen.Select((key, k) => shares[k] * qkv[2][key][i]).Sum() / shares.Sum();
                    }
                }

                double[] state = [.. x[row, column].Zip(Linear($"{path}.attention.output.dense", context), (a, b) => a + b)];
                double[] inner = [.. Linear($"{path}.intermediate.dense", Norm($"{path}.layernorm_after", state, _config.Epsilon)).Select(Act)];
                result[row, column] = [.. state.Zip(Linear($"{path}.output.dense", inner), (a, b) => a + b)];
            }

            return result;
        }

        private double[,][] Merge(string path, double[,][] x)
        {
            double[,][] merged = new double[x.GetLength(0) / 2, x.GetLength(1) / 2][];
            for (int row = 0; row < merged.GetLength(0); row++)
            {
                for (int column = 0; column < merged.GetLength(1); column++)
                {
                    double[] four = [.. x[2 * row, 2 * column], .. x[(2 * row) + 1, 2 * column], .. x[2 * row, (2 * column) + 1], .. x[(2 * row) + 1, (2 * column) + 1]];
                    merged[row, column] = Linear($"{path}.reduction", Norm($"{path}.norm", four, 1e-5), hasBias: false);
                }
            }

            return merged;
        }

        // The normal distribution by numerical integration: .NET has no error function.
        private double Act(double x) => _config.Activation == Activation.Relu ? Math.Max(x, 0) : x * Phi(x);

        private static double Phi(double x)
        {
            const int Steps = 4000;
            double step = x / Steps;
            double sum = 0;
            for (int i = 0; i < Steps; i++)
            {
                double t = (i + 0.5) * step;
                sum += Math.Exp(-t * t / 2) * step;
            }

            return 0.5 + (sum / Math.Sqrt(2 * Math.PI));
        }

        private double[] Project(string layer, double[] x) => Apply(Get(layer, "audio_projection.", ".weight"), Get(layer, "audio_projection.", ".bias"), x);

        private double[] Linear(string path, double[] x, bool hasBias = true) => Apply(Get($"{path}.weight"), hasBias ? Get($"{path}.bias") : null, x);

        private static double[] Apply(float[] weight, float[]? bias, double[] x) =>
            [.. Enumerable.Range(0, weight.Length / x.Length).Select(output => x.Select((value, i) => value * weight[(output * x.Length) + i]).Sum() + (bias?[output] ?? 0))];

        private double[] Norm(string path, double[] x, double epsilon)
        {
            float[] weight = Get($"{path}.weight");
            float[] bias = Get($"{path}.bias");
            double mean = x.Average();
            double deviation = Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + epsilon);
            return [.. x.Select((value, i) => ((value - mean) / deviation * weight[i]) + bias[i])];
        }

        private double BatchNorm(string path, int channel, double x) =>
            ((x - Get($"{path}.running_mean")[channel]) / Math.Sqrt(Get($"{path}.running_var")[channel] + 1e-5) * Get($"{path}.weight")[channel]) + Get($"{path}.bias")[channel];

        private float[] Get(string name, string prefix = "audio_model.audio_encoder.", string suffix = "") => _tensors.Single(tensor => tensor.Name == prefix + name + suffix).Values;

        private void AddLayer(string path, int width, int heads)
        {
            AddNorm($"{path}.layernorm_before", width);
            AddNorm($"{path}.layernorm_after", width);
            foreach (string part in (string[])["self.query", "self.key", "self.value", "output.dense"])
            {
                AddLinear($"{path}.attention.{part}", width, width);
            }

            int span = (2 * _config.WindowSize) - 1;
            Add($"{path}.attention.self.relative_position_bias_table", 1, span * span, heads);
            AddLinear($"{path}.intermediate.dense", (int)(_config.FeedForwardRatio * width), width);
            AddLinear($"{path}.output.dense", width, (int)(_config.FeedForwardRatio * width));
        }

        private void AddLinear(string path, int output, int input)
        {
            Add($"{path}.weight", 0.6f, output, input);
            Add($"{path}.bias", 0.3f, output);
        }

        private void AddNorm(string path, int width)
        {
            Add($"{path}.weight", 1, width);
            Add($"{path}.bias", 0.5f, width);
        }

        private void AddBatchNorm(string path, int channels)
        {
            AddNorm(path, channels);
            Add($"{path}.running_mean", 0.5f, channels);
            Add($"{path}.running_var", 1, channels);
            float[] variance = _tensors[^1].Values;
            for (int i = 0; i < variance.Length; i++)
            {
                variance[i] = Math.Abs(variance[i]) + 0.2f;
            }
        }

        private void Add(string name, float scale, params long[] shape) => _tensors.Add((name, shape, Numbers.Weight(name, _tensors.Count + 3, scale, shape).Load()));
    }
}
