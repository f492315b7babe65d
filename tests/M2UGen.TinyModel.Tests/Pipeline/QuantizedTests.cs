using M2UGen.Export;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>Tiny models with matrices of 8 and 4 bits, through the surface that applications use.</summary>
public sealed class QuantizedTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-quantised-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("int8", 64, false)]
    [InlineData("int4", 32, false)]
    [InlineData("int4", 128, true)]
    public async Task ExportAsync_Quantised_AnswersAndMakesMusic(string precision, int blockSize, bool isAsymmetric)
    {
        ExportOptions options = Options(precision, PrecisionPolicy.Parse(precision) with { BlockSize = blockSize, IsAsymmetric = isAsymmetric });
        ExportResult result = await Exporter.ExportAsync(options);
        ModelBundle bundle = ModelBundle.OpenChecked(result.BundlePath);
        Assert.Equal(precision, bundle.Component("llama").Precision);
        Assert.Equal(precision, bundle.Component("musicgen-decoder").Precision);
        Assert.Equal("int8", bundle.Component("musicgen-condition").Precision);
        Assert.All(new[] { "t5", "projector", "encodec-decoder", "encodec-encoder" }, component => Assert.Equal("float32", bundle.Component(component).Precision));
        Assert.Equal(1, (int)bundle.Component("llama").Config["quantization"]!["heads"]!["int8"]!);
        Assert.Equal(!isAsymmetric, (bool)bundle.Component("llama").Config["quantization"]!["symmetric"]!);

        Precision stored = Enum.Parse<Precision>(precision, ignoreCase: true);
        await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(result.BundlePath).UsePrecision(stored).WithOptions(new PipelineOptions { Threads = 1 }).LoadAsync();
        M2UGenRequest request = pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(0.5), Seed = 5 }).WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = 12 });
        AnswerResult answer = await request.AskAsync();
        M2UGenResult first = await request.RunAsync();
        M2UGenResult second = await request.RunAsync();

        Assert.NotEmpty(answer.TokenIds);
        Assert.Equal(answer.TokenIds, first.Answer!.TokenIds);
        Assert.Equal(first.Music?.Audio.Samples.ToArray(), second.Music?.Audio.Samples.ToArray());
    }

    [Theory]
    [InlineData("float16", "float16")]
    [InlineData("float16,llama=int4,musicgen-decoder=int8", "int4")]
    public async Task ExportAsync_Float16_AnswersAndMakesMusicWithAllSenses(string precision, string stored)
    {
        string senses = Repository.Golden("m2ugen-base");
        ExportOptions options = Options("half", PrecisionPolicy.Parse(precision)) with
        {
            MertPath = Path.Combine(senses, "mert"),
            VitPath = Path.Combine(senses, "vit"),
            VivitPath = Path.Combine(senses, "vivit"),
        };
        ExportResult result = await Exporter.ExportAsync(options);
        ModelBundle bundle = ModelBundle.OpenChecked(result.BundlePath);
        Assert.Equal(stored, bundle.Component("llama").Precision);
        Assert.Equal("float16", (string?)bundle.Component("llama").Config["quantization"]!["elements"]);
        Assert.Equal(TensorElementKind.Float16, bundle.Component("llama").Inputs.Single(input => input.Name == "past_key_values.0.key").Kind);

        M2UGenPipelineBuilder builder = M2UGenPipeline.FromBundle(result.BundlePath).WithOptions(new PipelineOptions { Threads = 1 });
        if (precision == "float16")
        {
            builder.UsePrecision(Precision.Float16);
        }
        else
        {
            await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => M2UGenPipeline.FromBundle(result.BundlePath).UsePrecision(Precision.Float16).LoadAsync());
        }

        await using M2UGenPipeline pipeline = await builder.LoadAsync();
        M2UGenRequest request = pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(0.5), Seed = 5 }).WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = 64 });
        M2UGenResult first = await request.RunAsync();
        M2UGenResult second = await request.RunAsync();
        Assert.Equal(first.Music?.Audio.Samples.ToArray(), second.Music?.Audio.Samples.ToArray());
        AnswerResult heard = await request.WithAudio(Path.Combine(senses, "media", "audio_b.wav")).WithImage(Path.Combine(senses, "media", "image_x.png")).AskAsync();
        Assert.NotEmpty(heard.TokenIds);
        if (precision == "float16")
        {
            ExportResult whole = await Exporter.ExportAsync(options with { OutputPath = Path.Combine(folder, "whole"), Precision = PrecisionPolicy.Float32 });
            await using M2UGenPipeline exact = await TinyM2UGen.LoadAsync(whole.BundlePath);
            Assert.Equal((await exact.Prompt(TinyM2UGen.MusicPrompt).WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = 64 }).AskAsync()).TokenIds, first.Answer!.TokenIds);
            Assert.NotNull(first.Music);
        }
    }

    [Fact]
    public async Task ExportAsync_Float16WithACacheOf8Bits_Answers()
    {
        ExportResult result = await Exporter.ExportAsync(Options("half", PrecisionPolicy.Parse("float16,llama=int4") with { KeyValueCache = Precision.Int8 }));
        Assert.Equal(TensorElementKind.Int8, ModelBundle.OpenChecked(result.BundlePath).Component("llama").Outputs.Single(output => output.Name == "present.0.value").Kind);

        await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(result.BundlePath);
        Assert.NotEmpty((await pipeline.Prompt(TinyM2UGen.MusicPrompt).WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = 8 }).AskAsync()).TokenIds);
    }

    [Fact]
    public async Task ExportAsync_EverythingInt8_HearsAndSees()
    {
        string senses = Repository.Golden("m2ugen-base");
        ExportOptions options = Options("all", PrecisionPolicy.Parse("*=int8")) with
        {
            MertPath = Path.Combine(senses, "mert"),
            VitPath = Path.Combine(senses, "vit"),
            VivitPath = Path.Combine(senses, "vivit"),
        };
        ExportResult result = await Exporter.ExportAsync(options);
        ModelBundle bundle = ModelBundle.OpenChecked(result.BundlePath);
        Assert.All(bundle.Manifest.Components, component => Assert.Equal(component.Key.StartsWith("encodec", StringComparison.Ordinal) ? "float32" : "int8", component.Value.Precision));

        await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(result.BundlePath);
        M2UGenRequest request = pipeline.Prompt("What is it?").WithAudio(Path.Combine(senses, "media", "audio_b.wav")).WithImage(Path.Combine(senses, "media", "image_x.png"))
            .WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = 4 });
        Assert.NotEmpty((await request.AskAsync()).TokenIds);
    }

    [Fact]
    public async Task ExportAsync_Int8_IsSmallerAndTwiceTheSame()
    {
        ExportResult whole = await Exporter.ExportAsync(Options("float32", PrecisionPolicy.Float32));
        ExportResult small = await Exporter.ExportAsync(Options("int8", PrecisionPolicy.Parse("int8")));
        ExportResult again = await Exporter.ExportAsync(Options("again", PrecisionPolicy.Parse("int8")));

        Assert.Equal(small.ManifestSha256, again.ManifestSha256);
        Assert.NotEqual(whole.ManifestSha256, small.ManifestSha256);
        Assert.InRange(LlamaBytes(small) / (double)LlamaBytes(whole), 0.25, 0.75);

        static long LlamaBytes(ExportResult result) => ModelBundle.Open(result.BundlePath).Component("llama").Files.Sum(file => file.Size);
    }

    [Theory]
    [InlineData("lama=int4", "no component 'lama'")]
    [InlineData("encodec-decoder=int8", "no matrices")]
    [InlineData("llama/layers.99/*=int8", "no matrix of that name")]
    [InlineData("llama/layers.0/*=float16", "no embedding table")]
    public async Task ExportAsync_RuleThatConcernsNothing_IsRefusedBeforeAnythingIsWritten(string precision, string reason)
    {
        ExportException error = await Assert.ThrowsAsync<ExportException>(() => Exporter.ExportAsync(Options("wrong", PrecisionPolicy.Parse(precision))));

        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    private ExportOptions Options(string name, PrecisionPolicy precision) => new()
    {
        OutputPath = Path.Combine(folder, name),
        Model = Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"),
        LlamaDirectory = Path.Combine(Repository.Golden("m2ugen-base"), "llama"),
        MusicDecoderPath = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen"),
        Precision = precision,
    };
}
