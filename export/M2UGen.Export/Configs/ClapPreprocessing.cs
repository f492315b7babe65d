using System.Text.Json.Nodes;

namespace M2UGen.Export.Configs;

/// <summary>Reads a feature extractor's <c>preprocessor_config.json</c> into the manifest's <c>preprocessing.clap</c>; absent keys have the defaults of ClapFeatureExtractor (transformers 4.35.2).</summary>
/// <remarks>
/// Written: sampling_rate, hop_length, fft_window_size, feature_size, frequency_min, frequency_max, max_samples, padding, truncation.
/// The file's <c>top_db</c> is not used: the extractor keeps it and never looks at it.
/// </remarks>
internal static class ClapPreprocessing
{
    /// <summary>The section's name in the manifest.</summary>
    public const string Section = "clap";

    /// <summary>Reads and checks the file.</summary>
    /// <param name="path">The file; may be absent.</param>
    /// <param name="model">The audio tower, whose input the spectrograms must fit.</param>
    /// <exception cref="Checkpoints.CheckpointException">It misstates something, or does not fit the model; all of it is listed.</exception>
    public static JsonObject Read(string path, ClapAudioConfig model)
    {
        ConfigReader file = ConfigReader.OpenOptional(path);
        int rate = file.IntOr("sampling_rate", 48000, largest: 1 << 20);
        int hop = file.IntOr("hop_length", 480, largest: 1 << 16);
        int window = file.IntOr("fft_window_size", 1024, smallest: 2, largest: 1 << 16);
        int bins = file.IntOr("feature_size", 64, largest: 1 << 12);
        double seconds = file.DoubleOr("max_length_s", 10, 0.01, 3600);
        long samples = (long)(seconds * rate);
        double lowest = file.DoubleOr("frequency_min", 0, 0, rate / 2.0);
        double highest = file.DoubleOr("frequency_max", 14000, 0, rate / 2.0);
        string padding = file.TextOr("padding", "repeatpad");
        string truncation = file.TextOr("truncation", "fusion");
        file.Require(padding is "repeatpad" or "repeat" or "pad", "padding", $"'{padding}' is not supported; expected 'repeatpad', 'repeat' or 'pad'");
        file.Require(truncation is "rand_trunc" or "fusion", "truncation", $"'{truncation}' is not supported; expected 'rand_trunc' or 'fusion'");
        file.RequireTogether(lowest < highest, "frequency_min", $"{lowest} Hz is not below frequency_max {highest} Hz");
        file.RequireTogether(bins == model.MelBins, "feature_size", $"{bins} bins; the model takes {model.MelBins}");
        file.RequireTogether(truncation == "fusion" == model.HasFusion, "truncation", $"'{truncation}' does not fit a model {(model.HasFusion ? "with" : "without")} fusion");

        // Windows reflect at the ends of the longest clip, so it must be longer than half of one.
        file.RequireTogether(samples > window / 2, "max_length_s", $"{seconds} s are shorter than half a window of fft_window_size {window}");
        file.RequireTogether((samples / hop) + 1 <= model.StretchedFrames, "hop_length", $"gives {(samples / hop) + 1} frames; the model takes at most {model.StretchedFrames}");
        file.ThrowIfWrong("CLAP's preprocessing");
        return new JsonObject
        {
            ["sampling_rate"] = rate,
            ["hop_length"] = hop,
            ["fft_window_size"] = window,
            ["feature_size"] = bins,
            ["frequency_min"] = lowest,
            ["frequency_max"] = highest,
            ["max_samples"] = samples,
            ["padding"] = padding,
            ["truncation"] = truncation,
        };
    }
}
