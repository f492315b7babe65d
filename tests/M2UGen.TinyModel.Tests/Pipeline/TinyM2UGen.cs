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

    public string BundlePath => Path.Combine(folder, "m2ugen");

    public string LanguageOnlyPath => Path.Combine(folder, "language");

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
            MusicDecoder = "musicgen",
            MusicDecoderPath = Path.Combine(Repository.Golden("m2ugen-base"), "musicgen"),
        };
        await Exporter.ExportAsync(options);
        await Exporter.ExportAsync(options with { OutputPath = LanguageOnlyPath, MusicDecoderPath = null });
        Pipeline = await LoadAsync(BundlePath);
    }

    public async Task DisposeAsync()
    {
        await Pipeline.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
