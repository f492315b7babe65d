using M2UGen.Export;
using M2UGen.Sdk;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>The tiny M2UGen of the goldens, exported once and loaded for all tests that share the fixture.</summary>
public sealed class TinyM2UGen : IAsyncLifetime
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-pipeline-").FullName;

    /// <summary>A prompt that the model answers with music.</summary>
    public const string MusicPrompt = "Generate a calm jazz piece with piano.";

    /// <summary>Everything: language model, encoders, kNN index, MusicGen.</summary>
    public string BundlePath => Path.Combine(folder, "m2ugen");

    /// <summary>The language model alone.</summary>
    public string LanguageOnlyPath => Path.Combine(folder, "language");

    /// <summary>A file of the goldens' media.</summary>
    public static string Medium(string name) => Path.Combine(Repository.Golden("m2ugen-base"), "media", name);

    public M2UGenPipeline Pipeline { get; private set; } = null!;

    public static Task<M2UGenPipeline> LoadAsync(string path, PipelineOptions? options = null) =>
        M2UGenPipeline.FromBundle(path).WithOptions(options ?? new PipelineOptions { Threads = 1 }).LoadAsync();

    public async Task InitializeAsync()
    {
        ExportOptions options = new()
        {
            OutputPath = BundlePath,
            Model = Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"),
            LlamaDirectory = Path.Combine(Repository.Golden("m2ugen-base"), "llama"),
        };
        await Exporter.ExportAsync(options with
        {
            MusicDecoder = "musicgen",
            MusicDecoderPath = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen"),
            MertPath = Path.Combine(Repository.Golden("m2ugen-base"), "mert"),
            VitPath = Path.Combine(Repository.Golden("m2ugen-base"), "vit"),
            VivitPath = Path.Combine(Repository.Golden("m2ugen-base"), "vivit"),
            KnnDirectory = Repository.Golden("m2ugen-base"),
        });
        await Exporter.ExportAsync(options with { OutputPath = LanguageOnlyPath });
        Pipeline = await LoadAsync(BundlePath);
    }

    public async Task DisposeAsync()
    {
        await Pipeline.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
