using System.Diagnostics;
using System.Globalization;
using M2UGen.Sdk.Diagnostics;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using Microsoft.Extensions.Logging;

namespace M2UGen.Sdk.Pipeline;

/// <summary>Turns an opened bundle into the parts of a pipeline, by its family.</summary>
internal static class BundleParts
{
    private static readonly string[] LanguageComponents = [LanguageModel.Component];
    private static readonly string[] MusicGenComponents = [MusicGenConfig.TextComponent, MusicGenConfig.ConditionComponent, MusicGenConfig.DecoderComponent, EncodecConfig.DecoderComponent];

    /// <summary>Looks for everything that the family needs, and lists all that is missing at once.</summary>
    /// <exception cref="ModelBundleException">The family is unknown or something is missing.</exception>
    public static void Check(ModelBundle bundle)
    {
        BundleManifest manifest = bundle.Manifest;
        if (manifest.Family is not (BundleFamily.M2UGen or BundleFamily.M2UGenMusicGen or BundleFamily.M2UGenAudioLdm2 or BundleFamily.MusicGen))
        {
            throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}' is of family '{manifest.Family}'; this library knows {BundleFamily.M2UGenMusicGen}, {BundleFamily.M2UGenAudioLdm2}, {BundleFamily.M2UGen} and {BundleFamily.MusicGen}. Update the library.");
        }

        List<string> missing = [];
        if (HasLanguage(bundle))
        {
            missing.AddRange(LanguageComponents.Where(name => !manifest.Components.ContainsKey(name)).Select(name => $"component '{name}'"));
            if (!manifest.Tensors.ContainsKey(LanguageModel.TextPrefix))
            {
                missing.Add($"tensor '{LanguageModel.TextPrefix}'");
            }

            if (!manifest.Tokenizers.ContainsKey(LanguageModel.Component))
            {
                missing.Add($"tokenizer '{LanguageModel.Component}'");
            }
        }

        if (HasMusicGen(bundle))
        {
            missing.AddRange(MusicGenComponents.Where(name => !manifest.Components.ContainsKey(name)).Select(name => $"component '{name}'"));
            if (!manifest.Tokenizers.ContainsKey("t5"))
            {
                missing.Add("tokenizer 't5'");
            }
        }

        if (missing.Count > 0)
        {
            throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}' of family '{manifest.Family}' lacks {string.Join(", ", missing)}. Export it again with this version of m2ugen-export.");
        }
    }

    /// <exception cref="UnsupportedCapabilityException">A component is stored in another precision.</exception>
    public static void CheckPrecision(ModelBundle bundle, Precision precision)
    {
        string wanted = precision.ToString();
        string[] others = [.. bundle.Manifest.Components
            .Where(component => !string.Equals(component.Value.Precision, wanted, StringComparison.OrdinalIgnoreCase))
            .Select(component => $"{component.Key} ({component.Value.Precision})")];
        if (others.Length > 0)
        {
            throw new UnsupportedCapabilityException($"precision {wanted}", $"Bundle '{bundle.Directory}' is not stored in {wanted} throughout: {string.Join(", ", others)}. Export it in {wanted}, or leave out UsePrecision.");
        }
    }

    /// <summary>Opens everything small; graphs load at their first use.</summary>
    public static PipelineParts Open(ModelBundle bundle, ModelSet models, RuntimeOptions runtime, IMusicDecoder? ownMusic)
    {
        string provider = runtime.Provider == ExecutionProviderKind.Cpu
            ? "cpu"
            : string.Create(CultureInfo.InvariantCulture, $"{runtime.Provider.ToString().ToLowerInvariant()}:{runtime.DeviceId}");
        return new PipelineParts
        {
            Identity = new PipelineIdentity(bundle.ManifestSha256, bundle.Manifest.Family, provider, OnnxRuntimeHost.ThreadsOf(runtime), OnnxRuntimeHost.Version),
            Language = HasLanguage(bundle) ? LanguageModel.Open(bundle, models) : null,
            Music = ownMusic ?? (HasMusicGen(bundle) ? MusicGenDecoder.Open(models, bundle) : null),
            Project = bundle.Manifest.Components.ContainsKey(OutputProjector.Component) ? Projection(new OutputProjector(models)) : null,
            Models = models,
            Owned = [models],
        };
    }

    /// <summary>Loads every graph now.</summary>
    public static void LoadAll(ModelBundle bundle, ModelSet models, ILogger logger, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        double total = Math.Max(1, bundle.Manifest.Components.Values.Sum(SizeOf));
        long done = 0;
        foreach ((string name, BundleComponent component) in bundle.Manifest.Components)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new LoadProgress(name, done / total));
            long start = Stopwatch.GetTimestamp();
            models.Get(name);
            Log.ComponentLoaded(logger, name, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            done += SizeOf(component);
            progress?.Report(new LoadProgress(name, done / total));
        }
    }

    private static Func<float[], CancellationToken, float[]> Projection(OutputProjector projector) =>
        (states, cancellationToken) => projector.Project(states, LlamaTextTokenizer.AudioTokenCount, cancellationToken);

    private static long SizeOf(BundleComponent component) => component.Files.Sum(file => file.Size);

    private static bool HasLanguage(ModelBundle bundle) => bundle.Manifest.Family != BundleFamily.MusicGen;

    private static bool HasMusicGen(ModelBundle bundle) => bundle.Manifest.Family is BundleFamily.MusicGen or BundleFamily.M2UGenMusicGen;
}
