using System.Text.Json.Nodes;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Sources;

/// <summary>What a directory that cannot be exported is told.</summary>
public sealed class MusicGenDirectoryTests
{
    [Fact]
    public void Open_NoDirectory_SaysSo()
    {
        using TemporaryFolder folder = new();

        Assert.Contains("no such directory", Refusal(folder.File("absent")), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NoConfiguration_NamesTheFile()
    {
        using TemporaryFolder folder = new();

        Assert.Contains("config.json", Refusal(folder.Path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[1, 2]", "expected an object")]
    [InlineData("{", "not valid JSON")]
    [InlineData("""{"model_type": "llama"}""", "model_type: 'llama' is not supported; expected 'musicgen' or 'musicgen_melody'")]
    [InlineData("""{"architectures": []}""", "model_type: missing")]
    [InlineData("""{"model_type": "\ud800"}""", "not valid JSON")]
    [InlineData("""{"\ud800": 1}""", "not valid JSON")]
    [InlineData("""{"model_type": "musicgen"}""", "text_encoder: missing")]
    public void Open_ForeignConfiguration_SaysWhatItIs(string json, string expected)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), json);

        Assert.Contains(expected, Refusal(folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_LinkToAnEndlessDevice_ReadsNothing()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // There is no such file.
        }

        using TemporaryFolder folder = new();
        File.CreateSymbolicLink(folder.File("config.json"), "/dev/zero");

        Assert.Contains("not valid JSON", Refusal(folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_LinkToALargeFile_IsRefused()
    {
        using TemporaryFolder folder = new();
        using (FileStream large = File.Create(folder.File("large")))
        {
            large.SetLength(1L << 32);
        }

        File.CreateSymbolicLink(folder.File("config.json"), folder.File("large"));

        Assert.Contains("4294967296 bytes", Refusal(folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SeveralFaults_ListsAllOfThem()
    {
        using TemporaryFolder folder = new();
        Copy(folder, config =>
        {
            config["decoder"]!["num_codebooks"] = "four";
            config["decoder"]!["activation_function"] = "swish";
            config["text_encoder"]!["d_model"] = -3;
            config["text_encoder"]!["feed_forward_proj"] = "gated-silu";
            config["audio_encoder"]!["norm_type"] = "time_group_norm";
            config["audio_encoder"]!["upsampling_ratios"] = "8,5";
        });

        string message = Refusal(folder.Path);

        Assert.Contains("decoder.num_codebooks: expected a whole number from 1 to", message, StringComparison.Ordinal);
        Assert.Contains("decoder.activation_function: 'swish'", message, StringComparison.Ordinal);
        Assert.Contains("text_encoder.d_model: expected a whole number from 1 to", message, StringComparison.Ordinal);
        Assert.Contains("text_encoder.feed_forward_proj: 'gated-silu'", message, StringComparison.Ordinal);
        Assert.Contains("audio_encoder.norm_type: 'time_group_norm'", message, StringComparison.Ordinal);
        Assert.Contains("audio_encoder.upsampling_ratios: expected a list", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("decoder", "num_attention_heads", 7, "decoder.num_attention_heads: 7 do not divide hidden_size")]
    [InlineData("decoder", "vocab_size", 4000, "audio encoder's codebooks have")]
    [InlineData("text_encoder", "relative_attention_max_distance", 8, "relative_attention_max_distance")]
    [InlineData("audio_encoder", "codebook_dim", 7, "audio_encoder.codebook_dim: 7 differs from hidden_size")]
    [InlineData("audio_encoder", "chunk_length_s", 1, "audio_encoder.chunk_length_s")]
    [InlineData("audio_encoder", "num_filters", 2000000000, "audio_encoder.num_filters: expected a whole number")]
    [InlineData("decoder", "max_position_embeddings", 1000000, "decoder.max_position_embeddings: expected a whole number from 1 to 65536")]
    public void Open_NumbersThatDoNotFit_NamesThem(string section, string key, int value, string expected)
    {
        using TemporaryFolder folder = new();
        Copy(folder, config => config[section]![key] = value);

        Assert.Contains(expected, Refusal(folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_EmptySections_HaveTheDefaultsOfTheClasses()
    {
        using TemporaryFolder folder = new();
        Copy(folder, config =>
        {
            config["text_encoder"] = new JsonObject();
            config["audio_encoder"] = new JsonObject { ["codebook_size"] = 2048 };
            config["decoder"] = new JsonObject();
        });
        using MusicGenDirectory directory = MusicGenDirectory.Open(folder.Path);

        // The numbers of transformers' T5Config, EncodecConfig and MusicgenDecoderConfig.
        Assert.Equal((32128, 512, 64, 2048, 6, 8), (directory.Config.TextEncoder.VocabularySize, directory.Config.TextEncoder.HiddenSize, directory.Config.TextEncoder.HeadSize,
            directory.Config.TextEncoder.FeedForwardSize, directory.Config.TextEncoder.Layers, directory.Config.TextEncoder.Heads));
        Assert.Equal((24000, 128, 32), (directory.Config.AudioEncoder.SampleRate, directory.Config.AudioEncoder.HiddenSize, directory.Config.AudioEncoder.Filters));
        Assert.Equal([8, 5, 4, 2], directory.Config.AudioEncoder.Ratios);
        Assert.Equal((2048, 1024, 24, 16, 4096, 4, 2048), (directory.Config.Decoder.VocabularySize, directory.Config.Decoder.HiddenSize, directory.Config.Decoder.Layers,
            directory.Config.Decoder.Heads, directory.Config.Decoder.FeedForwardSize, directory.Config.Decoder.Codebooks, directory.Config.Decoder.PadTokenId));
    }

    [Fact]
    public void CreateParts_OtherSizesThanTheWeights_ListsTheTensors()
    {
        using TemporaryFolder folder = new();
        Copy(folder, config =>
        {
            config["decoder"]!["num_hidden_layers"] = 9;
            config["text_encoder"]!["d_ff"] = 97;
        });
        using MusicGenDirectory directory = MusicGenDirectory.Open(folder.Path);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => directory.CreateParts());

        Assert.Contains("decoder.model.decoder.layers.8.fc2.weight", exception.Message, StringComparison.Ordinal);
        Assert.Contains("text_encoder.encoder.block.1.layer.1.DenseReluDense.wo.weight: expected shape [48, 97], found [48, 96]", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NoTokenizer_SaysWhichFilesWouldDo()
    {
        using TemporaryFolder folder = new();
        Copy(folder, _ => { });
        File.Delete(folder.File("spiece.model"));

        Assert.Contains("neither tokenizer.json nor spiece.model", Refusal(folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OnlyTheNecessaryFiles_UsesTheClassesDefaults()
    {
        using TemporaryFolder folder = new();
        Copy(folder, _ => { });
        File.Delete(folder.File("generation_config.json"));
        File.Delete(folder.File("preprocessor_config.json"));
        using MusicGenDirectory directory = MusicGenDirectory.Open(folder.Path);

        Assert.Equal("""{"do_sample":true,"guidance_scale":3,"temperature":1,"top_k":50,"top_p":1,"typical_p":1,"max_length":1500}""", directory.Generation.ToJsonString());
        Assert.Equal("""{"sampling_rate":32000,"feature_size":2,"padding_side":"left"}""", directory.Preprocessing.ToJsonString());
    }

    [Fact]
    public void Open_WithCheckpointThatHoldsTheModel_NeedsNoWeightsOfItsOwn()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"));

        using MusicGenDirectory directory = MusicGenDirectory.Open(Path.Combine(Repository.Golden("m2ugen-base"), "musicgen"), WeightMap.From(checkpoint).Under("generation_model."));

        Assert.Equal(["t5", "musicgen-condition", "musicgen-decoder", "encodec-decoder", "encodec-encoder"], directory.CreateParts().Select(part => part.Component));
        Assert.DoesNotContain(directory.SourceFiles, file => file.EndsWith(".pth", StringComparison.Ordinal));
    }

    private static void Copy(TemporaryFolder folder, Action<JsonNode> edit)
    {
        string model = Path.Combine(Repository.Golden("musicgen-stereo"), "model");
        foreach (string file in Directory.EnumerateFiles(model))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
            File.SetAttributes(folder.File(Path.GetFileName(file)), FileAttributes.Normal);
        }

        JsonNode config = JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!;
        edit(config);
        File.WriteAllText(folder.File("config.json"), config.ToJsonString());
    }

    private static string Refusal(string directory) => Assert.Throws<CheckpointException>(() => MusicGenDirectory.Open(directory)).Message;
}
