using M2UGen.Export.Architectures;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Graph;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>EnCodec shapes that no published MusicGen has but the configuration can ask for: pieces must equal the whole for each.</summary>
public sealed class EncodecVariantTests
{
    private const int Codebooks = 3;

    private static readonly EncodecConfig Plain = new()
    {
        SampleRate = 800,
        Channels = 1,
        HiddenSize = 6,
        Filters = 4,
        KernelSize = 7,
        LastKernelSize = 7,
        ResidualKernelSize = 3,
        ResidualLayers = 1,
        DilationGrowth = 2,
        Compress = 2,
        HasConvShortcut = false,
        LstmLayers = 2,
        Ratios = [4, 2],
        CodebookSize = 10,
        IsCausal = false,
        TrimRightRatio = 1,
        PadMode = "reflect",
        HasWeightNorm = true,
    };

    public static TheoryData<string> Variants => ["plain", "residuals", "shortcut", "causal", "trim", "edge", "zeros", "odd", "one-layer", "no-norm"];

    [Theory]
    [MemberData(nameof(Variants))]
    public void Decode_PieceByPiece_GivesTheSameAsWhole(string variant)
    {
        EncodecConfig config = Configure(variant);
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Write(folder, config);
        using CodecRunner codec = new(EncodecDecoderGraph.Create(config, Codebooks, WeightMap.From(checkpoint)));
        const int Frames = 23;
        long[] codes = [.. Numbers.Make(Codebooks * Frames, 5).Select(number => (long)((number + 1) / 2 * (config.CodebookSize - 0.01)))];
        float[] whole = codec.Decode(codes, 1)["audio"].Values;

        Assert.Equal(Frames * config.SamplesPerFrame, whole.Length);
        Assert.True(whole.Max() - whole.Min() > 0.01f, "The sound is flat: nothing could differ.");
        foreach (int piece in (int[])[1, 4, 9])
        {
            Near.Equal(whole, codec.DecodePieceByPiece(codes, Frames, piece), 1e-6, $"{variant}, pieces of {piece}");
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Encode_AnyLength_GivesAFrameForEveryBegunOne(string variant)
    {
        EncodecConfig config = Configure(variant);
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Write(folder, config);
        using GraphRunner runner = new(EncodecEncoderGraph.Create(config, Codebooks, WeightMap.From(checkpoint)).Graph);
        foreach (int samples in (int[])[1, 2, 7, 8, 9, 50])
        {
            (float[] codes, long[] shape) = runner.Run(("audio", Numbers.Make(samples, 4), [1, 1, samples]))["codes"];

            Assert.Equal([1, Codebooks, (samples + config.SamplesPerFrame - 1) / config.SamplesPerFrame], shape);
            Assert.All(codes, code => Assert.InRange(code, 0, config.CodebookSize - 1));
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Decode_WithAllStagesTapped_GivesTheSame(string variant)
    {
        EncodecConfig config = Configure(variant);
        using TemporaryFolder folder = new();
        using Checkpoint checkpoint = Write(folder, config);
        using CodecRunner plain = new(EncodecDecoderGraph.Create(config, Codebooks, WeightMap.From(checkpoint)));
        using CodecRunner tapped = new(EncodecDecoderGraph.Create(config, Codebooks, WeightMap.From(checkpoint), new GraphOptions { Taps = ["*"] }));
        long[] codes = [.. Enumerable.Range(0, Codebooks * 5).Select(i => (long)(i % config.CodebookSize))];

        Near.Equal(plain.Decode(codes, 1)["audio"].Values, tapped.Decode(codes, 1)["audio"].Values, 1e-6, variant);
    }

    private static EncodecConfig Configure(string variant) => variant switch
    {
        "plain" => Plain,
        "residuals" => Plain with { ResidualLayers = 3, DilationGrowth = 3 },
        "shortcut" => Plain with { HasConvShortcut = true },
        "causal" => Plain with { IsCausal = true },
        "trim" => Plain with { IsCausal = true, TrimRightRatio = 0.5 },
        "edge" => Plain with { PadMode = "edge" },
        "zeros" => Plain with { PadMode = "constant" },
        "odd" => Plain with { Ratios = [3, 5], KernelSize = 5, LastKernelSize = 9, ResidualKernelSize = 5, Compress = 1 },
        "one-layer" => Plain with { LstmLayers = 1 },
        "no-norm" => Plain with { HasWeightNorm = false },
        _ => throw new ArgumentOutOfRangeException(nameof(variant)),
    };

    private static Checkpoint Write(TemporaryFolder folder, EncodecConfig config)
    {
        List<(string, long[], float[])> tensors = [];
        foreach (string half in (string[])["encoder", "decoder"])
        {
            bool decoder = half == "decoder";
            int channels = decoder ? config.LstmSize : config.Filters;
            int index = 0;
            Conv($"{half}.layers.{index++}", decoder ? config.HiddenSize : config.Channels, channels, config.KernelSize);
            if (decoder)
            {
                Lstm($"{half}.layers.{index++}");
            }

            foreach (int ratio in decoder ? config.Ratios : config.Ratios.Reverse())
            {
                if (decoder)
                {
                    // First dimension: channels in.
                    Conv($"{half}.layers.{index + 1}", channels / 2, channels, 2 * ratio, bias: channels / 2);
                    channels /= 2;
                    index += 2;
                }

                for (int j = 0; j < config.ResidualLayers; j++, index++)
                {
                    Conv($"{half}.layers.{index}.block.1", channels, channels / config.Compress, config.ResidualKernelSize);
                    Conv($"{half}.layers.{index}.block.3", channels / config.Compress, channels, 1);
                    if (config.HasConvShortcut)
                    {
                        Conv($"{half}.layers.{index}.shortcut", channels, channels, 1);
                    }
                }

                if (!decoder)
                {
                    Conv($"{half}.layers.{index + 1}", channels, channels * 2, 2 * ratio);
                    channels *= 2;
                    index += 2;
                }
            }

            if (!decoder)
            {
                Lstm($"{half}.layers.{index++}");
            }

            Conv($"{half}.layers.{index + 1}", channels, decoder ? config.Channels : config.HiddenSize, config.LastKernelSize);
        }

        for (int k = 0; k < Codebooks; k++)
        {
            Add($"quantizer.layers.{k}.codebook.embed", 1, config.CodebookSize, config.HiddenSize);
        }

        CheckpointFiles.WriteSafetensors(folder.File("model.safetensors"), [.. tensors]);
        return Checkpoint.Open(folder.File("model.safetensors"));

        void Conv(string name, int second, int first, int kernel, int? bias = null)
        {
            Add($"{name}.conv.bias", 0.1f, bias ?? first);
            if (config.HasWeightNorm)
            {
                Add($"{name}.conv.weight_g", 1, first, 1, 1);
                Add($"{name}.conv.weight_v", 1, first, second, kernel);
            }
            else
            {
                Add($"{name}.conv.weight", 0.3f, first, second, kernel);
            }
        }

        void Lstm(string name)
        {
            for (int layer = 0; layer < config.LstmLayers; layer++)
            {
                Add($"{name}.lstm.weight_ih_l{layer}", 0.4f, 4 * config.LstmSize, config.LstmSize);
                Add($"{name}.lstm.weight_hh_l{layer}", 0.4f, 4 * config.LstmSize, config.LstmSize);
                Add($"{name}.lstm.bias_ih_l{layer}", 0.2f, 4 * config.LstmSize);
                Add($"{name}.lstm.bias_hh_l{layer}", 0.2f, 4 * config.LstmSize);
            }
        }

        void Add(string name, float scale, params long[] shape) => tensors.Add((name, shape, Numbers.Weight(name, tensors.Count + 1, scale, shape).Load()));
    }
}
