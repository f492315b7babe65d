using System.Text.Json.Nodes;
using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>How CLAP's spectrograms are made: the manifest's <c>preprocessing.clap</c>.</summary>
internal sealed record ClapFeatureConfig
{
    /// <summary>The section's name.</summary>
    public const string Section = "clap";

    /// <summary>In Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Samples between frames.</summary>
    public required int HopLength { get; init; }

    /// <summary>Samples of a frame.</summary>
    public required int WindowSize { get; init; }

    /// <summary>Frequency bins.</summary>
    public required int MelBins { get; init; }

    /// <summary>Where the bins begin, in Hz.</summary>
    public required double LowestFrequency { get; init; }

    /// <summary>Where they end, in Hz.</summary>
    public required double HighestFrequency { get; init; }

    /// <summary>Samples that are heard at once: 10 s as published.</summary>
    public required int MaxSamples { get; init; }

    /// <summary>How shorter clips are filled.</summary>
    public required ClapPadding Padding { get; init; }

    /// <summary>True: longer clips are told by the shrunk whole and three chunks. False: by one piece of them.</summary>
    public required bool Fuses { get; init; }

    /// <summary>Frames of an input.</summary>
    public int Frames => (MaxSamples / HopLength) + 1;

    /// <summary>Spectrograms of an input.</summary>
    public int Channels => Fuses ? 4 : 1;

    /// <summary>Reads the section of a bundle.</summary>
    /// <exception cref="ModelBundleException">It, or a value in it, is missing or out of range.</exception>
    public static ClapFeatureConfig From(ModelBundle bundle) => bundle.Manifest.Preprocessing[Section] is JsonObject section
        ? From(section, bundle.Directory)
        : throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}' says nothing of preprocessing \"{Section}\". Export it again with this version of m2ugen-export.");

    /// <summary>Reads the section.</summary>
    /// <exception cref="ModelBundleException">A value is missing or out of range.</exception>
    public static ClapFeatureConfig From(JsonObject section, string path)
    {
        PreprocessingNumbers numbers = new(section, Section, path);
        ClapFeatureConfig config = new()
        {
            SampleRate = numbers.Integer("sampling_rate", AudioClip.MaxSampleRate),
            HopLength = numbers.Integer("hop_length", 1 << 16),
            WindowSize = numbers.Integer("fft_window_size", 1 << 16),
            MelBins = numbers.Integer("feature_size", 1 << 12),
            LowestFrequency = numbers.Number("frequency_min"),
            HighestFrequency = numbers.Number("frequency_max"),
            MaxSamples = numbers.Integer("max_samples", 1 << 28),
            Padding = numbers.Word("padding", "repeatpad", "repeat", "pad") switch
            {
                0 => ClapPadding.RepeatWhole,
                1 => ClapPadding.Repeat,
                _ => ClapPadding.Zeros,
            },
            Fuses = numbers.Word("truncation", "rand_trunc", "fusion") == 1,
        };
        return config.WindowSize >= 2 && config.MaxSamples > config.WindowSize / 2
            ? config
            : throw numbers.Refuse("fft_window_size", $"a whole number from 2 to {2 * config.MaxSamples}");
    }
}

/// <summary>How a clip shorter than the model hears is filled.</summary>
internal enum ClapPadding
{
    /// <summary>As often as it fits as a whole, then zeros.</summary>
    RepeatWhole,

    /// <summary>Again and again, cut at the end.</summary>
    Repeat,

    /// <summary>With zeros.</summary>
    Zeros,
}
