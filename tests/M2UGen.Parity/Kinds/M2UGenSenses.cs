using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk;
using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Encoders.Adapters;
using M2UGen.Sdk.Encoders.Mert;

namespace M2UGen.Parity.Kinds;

/// <summary>
/// The tensors <c>audio_*</c>, <c>image_*</c> and <c>video_*</c>: each medium's inner states, its feature, its adapter, and for audio the kNN cache.
/// </summary>
internal static partial class M2UGenSenses
{
    private const string Feature = ".feature";

    public static void Run(ParityCase c, M2UGenSession session, M2UGenMedia media, ParityReport report, CancellationToken cancellationToken)
    {
        // Conversations and long audio have features too, and no file.
        string[] names = [.. c.Expected.Names.Where(name => MediumPattern().IsMatch(name)).Select(name => name[..^Feature.Length])];
        foreach (string name in names)
        {
            M2UGenTaps taps = session.Taps;
            report.Row(name, () =>
            {
                if (media.FileCalled(name) is not { } file)
                {
                    report.SkipAll($"{name}.*", M2UGenMedia.Absent(name));
                    return;
                }

                switch (name.Split('_')[0])
                {
                    case "audio":
                        CompareAudio(c, media, taps, name, media.Audio(file), report, cancellationToken);
                        break;
                    case "image":
                        ImageFrame image = media.Image(file);
                        CompareTokens(c, name, taps.Tokens(image, cancellationToken), report);
                        CompareFeature(taps, MediaEncoders.ImagePrefix, name, media.Senses.Vit!.Encode(image, cancellationToken), report, cancellationToken);
                        break;
                    default:
                        IReadOnlyList<ImageFrame> frames = media.Frames(file);
                        CompareTokens(c, name, taps.Tokens(frames, cancellationToken), report);
                        CompareFeature(taps, MediaEncoders.VideoPrefix, name, media.Senses.Vivit!.Encode(frames, cancellationToken), report, cancellationToken);
                        break;
                }
            });
        }
    }

    private static void CompareAudio(ParityCase c, M2UGenMedia media, M2UGenTaps taps, string name, AudioClip clip, ParityReport report, CancellationToken cancellationToken)
    {
        if (c.Inputs.Has(name))
        {
            WindowReader reader = new(clip, media.Senses.Mert!.SampleRate);
            float[] heard = new float[reader.Length];
            reader.Read(0, heard);
            report.CheckValues(name, c.Inputs.Double(name), Array.ConvertAll(heard, value => (double)value), c.Tolerances.Of(name));
        }

        (float[] means, long[] shape) = taps.HiddenMeans(clip, cancellationToken);
        report.Compare($"{name}.hidden_means", means, shape);
        float[] own = CompareFeature(taps, MediaEncoders.AudioPrefix, name, media.Senses.Mert!.Encode(clip, Fidelity.Reference, null, cancellationToken), report, cancellationToken);
        if (c.HasFile("knn"))
        {
            using KnnIndex index = KnnIndex.Open(c.FileOf("knn"), own.Length);
            KnnOptions options = new();
            foreach (string variant in c.Expected.Names.Where(tensor => tensor.StartsWith($"{name}.knn", StringComparison.Ordinal)).Select(tensor => tensor.Split('.')[1]).Distinct())
            {
                options = OptionsOf(c, variant, options);
                CompareKnn(c, taps, $"{name}.{variant}", own, index, options, report, cancellationToken);
            }
        }
    }

    private static void CompareKnn(ParityCase c, M2UGenTaps taps, string name, float[] own, KnnIndex index, KnnOptions options, ParityReport report, CancellationToken cancellationToken)
    {
        if (c.Expected.Has($"{name}.indices"))
        {
            KnnNeighbour[] found = index.Search(own, options.CacheSize, cancellationToken);
            report.CompareChosen($"{name}.indices", Array.ConvertAll(found, neighbour => neighbour.Id), [found.Length]);
            report.Compare($"{name}.sims", Array.ConvertAll(found, neighbour => neighbour.Score), [found.Length]);
        }

        float[] mixed = KnnMixer.Mix(own, index, options, cancellationToken);
        report.Compare($"{name}.mixed_feature", mixed, [1, mixed.Length]);
        float[] adapter = taps.Adapter(MediaEncoders.AudioPrefix, mixed, cancellationToken);
        report.Compare($"{name}.adapter", adapter, [1, adapter.Length]);
    }

    /// <summary>The encoder's own output and the adapter of it; the result is the feature of length one.</summary>
    private static float[] CompareFeature(M2UGenTaps taps, string prefix, string name, float[] feature, ParityReport report, CancellationToken cancellationToken)
    {
        report.Compare($"{name}{Feature}", feature, [feature.Length]);
        float[] own = KnnMixer.Normalize(feature);
        float[] adapter = taps.Adapter(prefix, own, cancellationToken);
        report.Compare($"{name}.adapter", adapter, [adapter.Length]);
        return own;
    }

    /// <summary>All tokens, or the first of them: the shape says how many.</summary>
    private static void CompareTokens(ParityCase c, string name, (float[] Values, long[] Shape) tokens, ParityReport report)
    {
        foreach (string tensor in c.Expected.Names.Where(tensor => tensor.StartsWith($"{name}.last_hidden_state", StringComparison.Ordinal)))
        {
            int rows = (int)Math.Min(c.Expected.Shape(tensor)[0], tokens.Shape[0]);
            report.Compare(tensor, tokens.Values.AsSpan(0, rows * (int)tokens.Shape[1]), [rows, tokens.Shape[1]]);
        }
    }

    /// <summary>What the description of a variant's adapter says: "forward_audio with kNN, cache_size 10, t 20, weight 0.5"; "the same with" keeps what it does not name.</summary>
    private static KnnOptions OptionsOf(ParityCase c, string variant, KnnOptions before)
    {
        string description = c.Json.GetProperty("tensors").TryGetProperty($"*.{variant}.adapter", out JsonElement text) ? text.GetString() ?? "" : "";
        KnnOptions start = description.Contains("the same", StringComparison.Ordinal) ? before : new KnnOptions();
        return start with
        {
            CacheSize = Number(@"cache_size (\d+)") is { } size ? int.Parse(size, CultureInfo.InvariantCulture) : start.CacheSize,
            Temperature = Number(@"\bt (\d+(?:\.\d+)?)") is { } temperature ? double.Parse(temperature, CultureInfo.InvariantCulture) : start.Temperature,
            Weight = Number(@"weight (\d+(?:\.\d+)?)") is { } weight ? double.Parse(weight, CultureInfo.InvariantCulture) : start.Weight,
        };

        string? Number(string pattern) => Regex.Match(description, pattern) is { Success: true } match ? match.Groups[1].Value : null;
    }

    /// <summary>The index file's rows against those that the case stores.</summary>
    public static void CompareIndex(ParityCase c, ParityReport report)
    {
        const string Name = "knn.vectors";
        if (!c.HasFile("knn") || !File.Exists(Path.Combine(c.Folder, "inputs.safetensors")) || !c.Inputs.Has(Name))
        {
            return;
        }

        using KnnIndex index = KnnIndex.Open(c.FileOf("knn"));
        float[] rows = new float[index.Count * index.Dimension];
        for (int i = 0; i < index.Count; i++)
        {
            index.CopyRow(i, rows.AsSpan(i * index.Dimension, index.Dimension));
        }

        report.CheckValues(Name, c.Inputs.Double(Name), Array.ConvertAll(rows, value => (double)value), Tolerance.Exact);
    }

    [GeneratedRegex(@"^(audio|image|video)_\w+\.feature$")]
    private static partial Regex MediumPattern();
}
