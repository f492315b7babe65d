using M2UGen.Export.Architectures;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Tests.Architectures;

public sealed class LlamaParamsTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void Read_OnlyTheSizes_TakesTheReferencesDefaults()
    {
        File.WriteAllText(path, """{"dim": 4096, "n_heads": 32, "n_layers": 32, "vocab_size": -1}""");

        LlamaParams parameters = LlamaParams.Read(path);

        Assert.Equal((128, 1e-5f, 10000.0, (int?)null), (parameters.HeadSize, parameters.NormEpsilon, parameters.RopeTheta, parameters.KeyValueHeads));
    }

    [Fact]
    public void Read_EverythingGiven_IsHonoured()
    {
        File.WriteAllText(path, """{"dim": 8, "n_heads": 4, "n_layers": 2, "n_kv_heads": 2, "norm_eps": 1e-6, "rope_theta": 500000.0}""");

        LlamaParams parameters = LlamaParams.Read(path);

        Assert.Equal((2, 1e-6f, 500000.0, (int?)2), (parameters.HeadSize, parameters.NormEpsilon, parameters.RopeTheta, parameters.KeyValueHeads));
    }

    [Theory]
    [InlineData("", "not the JSON")]
    [InlineData("[1]", "not the JSON")]
    [InlineData("{}", "has no 'dim'")]
    [InlineData("""{"dim": "8", "n_heads": 4, "n_layers": 2}""", "not the JSON")]
    [InlineData("""{"dim": 8, "n_heads": 0, "n_layers": 2}""", "n_heads 0")]
    [InlineData("""{"dim": 9, "n_heads": 3, "n_layers": 2}""", "even head size")]
    [InlineData("""{"dim": 8, "n_heads": 4, "n_layers": 1000000000}""", "n_layers 1000000000")]
    [InlineData("""{"dim": 8, "n_heads": 4, "n_layers": 2, "n_kv_heads": 3}""", "n_kv_heads 3")]
    [InlineData("""{"dim": 8, "n_heads": 4, "n_layers": 2, "rope_theta": -1}""", "rope_theta -1")]
    public void Read_Nonsense_SaysWhatIsWrong(string json, string expected)
    {
        File.WriteAllText(path, json);

        CheckpointException exception = Assert.Throws<CheckpointException>(() => LlamaParams.Read(path));

        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.Equal(path, exception.Path);
    }
}
