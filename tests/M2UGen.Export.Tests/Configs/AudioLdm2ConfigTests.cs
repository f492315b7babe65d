using System.Text.Json.Nodes;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Tests.Configs;

/// <summary>Configurations of AudioLDM2's text side and ranking: defaults, and what is refused.</summary>
public sealed class AudioLdm2ConfigTests
{
    [Fact]
    public void Read_EmptyClap_HasTheClassDefaults()
    {
        // The published text tower, and the audio tower of transformers' class.
        ClapConfig config = Clap("{}");
        Assert.Equal((50265, 12, 768, 3072, 514, 1), (config.Text.VocabularySize, config.Text.Layers, config.Text.Form.HiddenSize, config.Text.Form.FeedForwardSize, config.Text.Positions, config.Text.PadTokenId));
        Assert.Equal(512, config.Text.MaxTokens);
        Assert.Equal(1e-12f, config.Text.Form.Epsilon);
        Assert.Equal([2, 2, 6, 2], config.Audio.Depths);
        Assert.Equal((1024, 64, 768, 64), (config.Audio.StretchedFrames, config.Audio.GridRows, config.Audio.OutputWidth, config.Audio.Positions));
        Assert.Equal(512, config.ProjectionSize);
    }

    [Theory]
    [InlineData("""{"model_type":"clip"}""", "'clip'")]
    [InlineData("""{"text_config":{"num_attention_heads":5}}""", "5 heads")]
    [InlineData("""{"text_config":{"position_embedding_type":"relative_key"}}""", "relative_key")]
    [InlineData("""{"text_config":{"hidden_act":"mish"}}""", "mish")]
    [InlineData("""{"text_config":{"max_position_embeddings":2}}""", "no position")]
    [InlineData("""{"audio_config":{"enable_fusion":true,"fusion_type":"channel_map"}}""", "channel_map")]
    [InlineData("""{"audio_config":{"hidden_size":512}}""", "hidden_size")]
    [InlineData("""{"audio_config":{"num_mel_bins":60}}""", "folded")]
    [InlineData("""{"audio_config":{"window_size":7}}""", "windows of 7 x 7")]
    [InlineData("""{"audio_config":{"depths":[2,2],"num_attention_heads":[4,8,16,32]}}""", "entries")]
    [InlineData("""{"audio_config":{"spec_size":4096,"num_mel_bins":4096,"patch_size":1,"patch_stride":[1,1],"window_size":64}}""", "more than")]
    [InlineData("""{"audio_config":{"patch_stride":[8,8]}}""", "patch_stride")]
    [InlineData("""{"audio_config":[]}""", "an object")]
    public void Read_ClapThatCannotBeExported_SaysWhy(string json, string reason)
        => Assert.Contains(reason, Assert.Throws<CheckpointException>(() => Clap(json)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"model_type":"llama"}""", "'llama'")]
    [InlineData("""{"n_embd":770}""", "12 heads")]
    [InlineData("""{"scale_attn_weights":false}""", "scale_attn_weights")]
    [InlineData("""{"scale_attn_by_inverse_layer_idx":true}""", "scale_attn_by_inverse_layer_idx")]
    [InlineData("""{"n_positions":8,"max_new_tokens":8}""", "no room")]
    [InlineData("""{"activation_function":"tanh"}""", "'tanh'")]
    public void Read_Gpt2ThatCannotBeExported_SaysWhy(string json, string reason)
        => Assert.Contains(reason, Assert.Throws<CheckpointException>(() => Read(json, Gpt2Config.Read)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_EmptyGpt2_HasTheClassDefaults()
    {
        Gpt2Config config = Read("{}", Gpt2Config.Read);
        Assert.Equal((768, 12, 12, 1024, 3072, 8), (config.HiddenSize, config.Heads, config.Layers, config.Positions, config.FeedForwardSize, config.NewTokens));
    }

    [Theory]
    [InlineData("{}", "langauge_model_dim: missing")]
    [InlineData("""{"_class_name":"AudioLDM2UNet2DConditionModel"}""", "AudioLDM2UNet2DConditionModel")]
    public void Read_ProjectionThatCannotBeExported_SaysWhy(string json, string reason)
        => Assert.Contains(reason, Assert.Throws<CheckpointException>(() => Read(json, ProjectionModelConfig.Read)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_PublishedPreprocessing_IsKept()
    {
        JsonObject section = Preprocessing("""{"truncation":"rand_trunc","frequency_min":50,"max_length_s":10,"top_db":null,"nb_max_samples":1}""");
        Assert.Equal(480_000, (long)section["max_samples"]!);
        Assert.Equal(50, (double)section["frequency_min"]!);
        Assert.Equal("repeatpad", (string)section["padding"]!);
    }

    [Theory]
    [InlineData("""{"truncation":"fusion"}""", "without fusion")]
    [InlineData("""{"truncation":"rand_trunc","padding":"mirror"}""", "'mirror'")]
    [InlineData("""{"truncation":"rand_trunc","feature_size":80}""", "80 bins")]
    [InlineData("""{"truncation":"rand_trunc","hop_length":100}""", "frames")]
    [InlineData("""{"truncation":"rand_trunc","frequency_min":15000}""", "not below")]
    [InlineData("""{"truncation":"rand_trunc","max_length_s":0.01}""", "half a window")]
    public void Read_PreprocessingThatDoesNotFit_SaysWhy(string json, string reason)
        => Assert.Contains(reason, Assert.Throws<CheckpointException>(() => Preprocessing(json)).Message, StringComparison.Ordinal);

    private static ClapConfig Clap(string json) => Read(json, ClapConfig.Read);

    private static JsonObject Preprocessing(string json) => Read(json, path => ClapPreprocessing.Read(path, Clap("{}").Audio));

    private static T Read<T>(string json, Func<string, T> read)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), json);
        return read(folder.File("config.json"));
    }
}
