using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Pipeline;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Cli.Bench;

/// <summary>Measures the parts of a bundle that this machine can run.</summary>
/// <remarks>It reaches into the library's parts, which an application cannot: only there can a step be told from the codec and the sampling from the graph.</remarks>
internal static class BundleBench
{
    /// <summary>Loads the bundle and measures what it has.</summary>
    public static JsonObject Run(BenchOptions options, IStageDisplay display, CancellationToken cancellationToken)
    {
        ModelBundle bundle = ModelBundle.OpenChecked(options.Bundle);
        BundleParts.CheckWhole(bundle);
        RuntimeOptions runtime = options.Runtime;
        using ModelSet models = new(bundle, runtime);
        JsonObject? memory = null;
        if (options.Measures(BenchPart.Memory))
        {
            display.Show("Measuring memory", 0, 1);
            memory = MemoryBench.Run(bundle, models, options, cancellationToken);
            models.UnloadAll();
            display.Show("Measuring memory", 1, 1);
        }

        JsonObject result = new()
        {
            ["bundle"] = Path.GetFileName(bundle.Directory),
            ["bundle_hash"] = bundle.ManifestSha256,
            ["family"] = bundle.Manifest.Family,
            ["provider"] = runtime.Provider.ToString().ToLowerInvariant(),
            ["threads"] = OnnxRuntimeHost.ThreadsOf(runtime),
            ["processors"] = Environment.ProcessorCount,
            ["platform"] = $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}",
            ["onnx_runtime"] = OnnxRuntimeHost.Version,
            ["repeat"] = options.Repeat,
        };
        if (memory is not null)
        {
            result["memory"] = memory;
            if (options.Parts is [BenchPart.Memory])
            {
                return result;
            }
        }

        Load(result, bundle, models, display, cancellationToken);
        display.Show("Measuring the machine", 0, 1);
        Bandwidth bandwidth = new(OnnxRuntimeHost.ThreadsOf(runtime));
        Calibration calibration = Calibration.Measure(runtime, bandwidth, cancellationToken);
        result["calibration"] = calibration.ToJson();
        if (options.Measures(BenchPart.Media))
        {
            result["media"] = MediaBench.Run(calibration, options, cancellationToken);
        }

        display.Show("Measuring the machine", 1, 1);
        using MediaEncoders? encoders = bundle.Manifest.Components.ContainsKey(LanguageModel.Component) ? MediaEncoders.Open(bundle, models) : null;
        if (encoders is not null && options.Measures(BenchPart.Encoders))
        {
            display.Show("Measuring the encoders", 0, 1);
            result["encoders"] = EncoderBench.Run(bundle, encoders, calibration, options, cancellationToken);
            display.Show("Measuring the encoders", 1, 1);
        }

        bool hasLanguage = options.Measures(BenchPart.Language) && bundle.Manifest.Components.ContainsKey(LanguageModel.Component);
        bool hasMusic = options.Measures(BenchPart.Music) && bundle.Manifest.Components.ContainsKey(MusicGenConfig.DecoderComponent);
        if (hasLanguage)
        {
            display.Show("Measuring the language model", 0, 1);
            result["language"] = LanguageBench.Run(bundle, models, bandwidth, options, cancellationToken);
            display.Show("Measuring the language model", 1, 1);
        }

        if (hasMusic)
        {
            display.Show("Measuring the music decoder", 0, 1);
            result["music"] = MusicBench.Run(bundle, models, bandwidth, options, cancellationToken);
            display.Show("Measuring the music decoder", 1, 1);
        }

        if (options.Measures(BenchPart.Music) && bundle.Manifest.Components.ContainsKey(UNet.Component))
        {
            display.Show("Measuring the music decoder", 0, 1);
            result["music"] = DiffusionBench.Run(bundle, models, runtime, options, cancellationToken);
            display.Show("Measuring the music decoder", 1, 1);
        }

        using Process process = Process.GetCurrentProcess();
        result["peak_resident_bytes"] = process.PeakWorkingSet64;
        return result;
    }

    private static void Load(JsonObject result, ModelBundle bundle, ModelSet models, IStageDisplay display, CancellationToken cancellationToken)
    {
        using ResidentMemory memory = new();
        long start = Stopwatch.GetTimestamp();
        int done = 0;
        foreach (string component in bundle.Manifest.Components.Keys)
        {
            cancellationToken.ThrowIfCancellationRequested();
            display.Show("Loading the bundle", done++, bundle.Manifest.Components.Count);
            models.Get(component);
        }

        result["load_seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        result["loading_peak_anonymous_bytes"] = memory.PeakAnonymousBytes;
        result["loading_peak_mapped_bytes"] = memory.PeakMappedBytes;
        display.Show("Loading the bundle", 1, 1);
    }
}
