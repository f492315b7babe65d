using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The numbers of a melody model's chroma extraction, as its checkpoint dictates them.</summary>
/// <param name="ChromaCount">Pitch classes (num_chroma, feature_size).</param>
/// <param name="SampleRate">In Hz (sampling_rate).</param>
/// <param name="FftSize">Samples in a frame (n_fft).</param>
/// <param name="HopLength">Samples from one frame to the next (hop_length).</param>
/// <param name="MaxSampleCount">Samples of a melody that are used, the rest is cut: chunk_length seconds.</param>
/// <param name="ChromaLength">Rows that the decoder's prefix takes (chroma_length of config.json).</param>
/// <param name="StemIndices">Which stems of a source separation carry the melody (stem_indices).</param>
internal sealed record ChromaConfig(int ChromaCount, int SampleRate, int FftSize, int HopLength, int MaxSampleCount, int ChromaLength, IReadOnlyList<int> StemIndices)
{
    /// <summary>Reads preprocessor_config.json of a melody directory, where an absent key has the default of transformers' MusicgenMelodyFeatureExtractor.</summary>
    /// <param name="preprocessor">The file's object; a key `chroma_length` in it (bundles keep it there) wins over <paramref name="chromaLength"/>.</param>
    /// <param name="chromaLength">`chroma_length` of config.json, or null where the object has it.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="ModelBundleException">A value is missing, no number, or out of range; the message names it.</exception>
    public static ChromaConfig FromJson(JsonObject preprocessor, int? chromaLength, string path)
    {
        int sampleRate = Integer("sampling_rate", 32000, AudioClip.MaxSampleRate);
        double seconds = Number("chunk_length", 30);
        double samples = Math.Truncate(seconds * sampleRate);
        if (!(samples is >= 1 and <= 1 << 30))
        {
            throw Refuse("chunk_length", seconds.ToString(CultureInfo.InvariantCulture), "seconds of sound, above 0 and at most 2^30 samples");
        }

        int chromaCount = Integer("num_chroma", Integer("feature_size", 12, 1200), 1200);
        return new ChromaConfig(
            chromaCount,
            sampleRate,
            Integer("n_fft", 16384, 1 << 20, least: 2),
            Integer("hop_length", 4096, 1 << 20),
            (int)samples,
            Integer("chroma_length", chromaLength, 1 << 20),
            Stems());

        int Integer(string key, int? absent, int most, int least = 1)
        {
            double value = Number(key, absent);
            return value >= least && value <= most && value == Math.Truncate(value)
                ? (int)value
                : throw Refuse(key, value.ToString(CultureInfo.InvariantCulture), $"a whole number from {least} to {most}");
        }

        double Number(string key, double? absent) => preprocessor[key] switch
        {
            null => absent ?? throw Refuse(key, "nothing", "a number"),
            JsonNode node when TryRead(node, out double number) => number,
            JsonNode other => throw Refuse(key, other.ToJsonString(), "a number"),
        };

        int[] Stems()
        {
            if (preprocessor["stem_indices"] is not JsonNode node)
            {
                return [3, 2];
            }

            return node is JsonArray { Count: > 0 and <= 64 } list && list.All(i => i is not null && TryRead(i, out double index) && index >= 0 && index < 64 && index == Math.Truncate(index))
                ? [.. list.Select(i => TryRead(i!, out double index) ? (int)index : 0)]
                : throw Refuse("stem_indices", node.ToJsonString(), "a list of stem numbers from 0");
        }

        // By its text: a node's own conversions depend on whether it was parsed or built.
        static bool TryRead(JsonNode node, out double number)
        {
            number = 0;
            return node.GetValueKind() == JsonValueKind.Number && double.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out number);
        }

        ModelBundleException Refuse(string key, string found, string expected) =>
            new(path, $"'{path}': \"{key}\" of the chroma extraction is {found}; expected {expected}. Correct the file, or export the model again.");
    }
}
