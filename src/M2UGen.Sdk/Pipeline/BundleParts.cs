using System.Globalization;
using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Pipeline.Memory;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Pipeline;

/// <summary>Turns an opened bundle into the parts of a pipeline, by its family.</summary>
internal static class BundleParts
{
    // Integers in blocks are for the models whose weights are read again for every token; what runs once a request, and convolutions, may have more.
    private static readonly string[] LanguageModels = ["llama", "musicgen-decoder"];

    /// <exception cref="UnsupportedCapabilityException">A component that the precision is about is stored in another one.</exception>
    public static void CheckPrecision(ModelBundle bundle, Precision precision)
    {
        string wanted = precision.ToString();
        bool isInteger = precision is Precision.Int8 or Precision.Int4;
        KeyValuePair<string, BundleComponent>[] concerned = [.. bundle.Manifest.Components.Where(component => !isInteger || LanguageModels.Contains(component.Key))];
        string[] others = [.. concerned
            .Where(component => !string.Equals(component.Value.Precision, wanted, StringComparison.OrdinalIgnoreCase))
            .Select(component => $"{component.Key} ({component.Value.Precision})")];
        if (others.Length > 0)
        {
            throw new UnsupportedCapabilityException($"precision {wanted}", $"Bundle '{bundle.Directory}' is not stored in {wanted}{(isInteger ? "" : " throughout")}: {string.Join(", ", others)}. Export it in {wanted}, or leave out UsePrecision.");
        }

        if (concerned.Length == 0)
        {
            throw new UnsupportedCapabilityException($"precision {wanted}", $"Bundle '{bundle.Directory}' holds none of the components that {wanted} is for: {string.Join(", ", LanguageModels)}. Leave out UsePrecision.");
        }
    }

    /// <exception cref="UnsupportedCapabilityException">The bundle holds a part of a model and nothing that a pipeline could do.</exception>
    public static void CheckWhole(ModelBundle bundle)
    {
        (string What, string Instead)? part = bundle.Manifest.Family switch
        {
            BundleFamily.AudioLdm2Part => ("a part of an AudioLDM2", "To make music, export the whole directory, the one with model_index.json."),
            BundleFamily.M2UGenEncoder => ("an encoder of M2UGen", "To ask about sound, pictures or films, export the whole M2UGen, with --model, --llama_dir and the encoders' directories."),
            _ => null,
        };
        if (part is { } alone)
        {
            throw new UnsupportedCapabilityException("pipeline", $"Bundle '{bundle.Directory}' holds {alone.What} alone ({string.Join(", ", bundle.Manifest.Components.Keys)}): its graphs are there to be looked at and run on their own. {alone.Instead}");
        }
    }

    /// <summary>Opens everything small; graphs load at their first use.</summary>
    public static PipelineParts Open(ModelBundle bundle, ModelSet models, RuntimeOptions runtime, PipelineOptions options, IMusicDecoder? ownMusic)
    {
        string provider = runtime.Provider == ExecutionProviderKind.Cpu
            ? "cpu"
            : string.Create(CultureInfo.InvariantCulture, $"{runtime.Provider.ToString().ToLowerInvariant()}:{runtime.DeviceId}");
        PromptCache prompts = new(options.CachedPrompts);
        MediaEncoders? encoders = HasLanguage(bundle) ? MediaEncoders.Open(bundle, models) : null;
        return new PipelineParts
        {
            Identity = new PipelineIdentity(bundle.ManifestSha256, bundle.Manifest.Family, provider, OnnxRuntimeHost.ThreadsOf(runtime), OnnxRuntimeHost.Version),
            Language = HasLanguage(bundle) ? LanguageModel.Open(bundle, models, prompts) : null,
            Prompts = prompts,
            Encoders = encoders,
            Music = ownMusic ?? MusicOf(bundle, models, options),
            Project = bundle.Manifest.Components.ContainsKey(OutputProjector.Component) ? Projection(new OutputProjector(models)) : null,
            Models = models,
            Planner = new MemoryPlanner(bundle),

            // What is bound to a graph goes before the graph.
            Owned = encoders is null ? [prompts, models] : [prompts, encoders, models],
        };
    }

    /// <summary>Loads every graph now.</summary>
    public static void LoadAll(ModelBundle bundle, ModelSet models, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        double total = Math.Max(1, bundle.Manifest.Components.Values.Sum(SizeOf));
        long done = 0;
        foreach ((string name, BundleComponent component) in bundle.Manifest.Components)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new LoadProgress(name, done / total));
            models.Get(name);
            done += SizeOf(component);
            progress?.Report(new LoadProgress(name, done / total));
        }
    }

    private static Func<float[], CancellationToken, float[]> Projection(OutputProjector projector) =>
        (states, cancellationToken) => projector.Project(states, LlamaTextTokenizer.AudioTokenCount, cancellationToken);

    private static long SizeOf(BundleComponent component) => component.Files.Sum(file => file.Size);

    private static bool HasLanguage(ModelBundle bundle) => bundle.Manifest.Family is not (BundleFamily.MusicGen or BundleFamily.AudioLdm2);

    private static IMusicDecoder? MusicOf(ModelBundle bundle, ModelSet models, PipelineOptions options) => bundle.Manifest.Family switch
    {
        BundleFamily.MusicGen or BundleFamily.M2UGenMusicGen => MusicGenDecoder.Open(models, bundle, options.MusicBatchSize),
        BundleFamily.AudioLdm2 or BundleFamily.M2UGenAudioLdm2 => AudioLdm2Decoder.Open(models, bundle, options.Memory == MemoryPolicy.OneStageAtATime),
        _ => null,
    };
}
