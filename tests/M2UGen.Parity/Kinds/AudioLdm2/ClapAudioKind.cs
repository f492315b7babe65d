using System.Text.Json;
using M2UGen.Export.Sources;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>clap-audio: sound files to spectrograms to embeddings, with and without fusion, and every stage between. Tensors <c>form.clip.stage</c>, <c>checkpoint_form</c>.</summary>
internal sealed class ClapAudioKind : IParityKind
{
    private const string Features = "input_features";

    public bool Handles(string kind) => kind == "clap-audio";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (IGrouping<string, string> form in c.Expected.Names.Select(name => string.Join('.', name.Split('.')[..2])).Distinct().GroupBy(row => row.Split('.')[0]))
        {
            report.Row(form.Key, () => RunForm(c, report, form.Key, form, cancellationToken));
        }
    }

    private static void RunForm(ParityCase c, ParityReport report, string form, IEnumerable<string> rows, CancellationToken cancellationToken)
    {
        string folder = c.Resolve($"checkpoint_{form}");
        ClapFeatureExtractor extractor = new(ClapFeatureConfig.From(DiffusionFolder.ReadClapPreprocessing(folder, folder), folder));
        using DiffusionParts parts = new(c, DiffusionFolder.OpenClap(folder));
        using DiffusionParts tapped = new(c, DiffusionFolder.OpenClap(folder), "*");
        ClapAudioEncoder encoder = new(parts.Models, AudioLdm2TextParts.ConfigOf(parts));
        foreach (string row in rows)
        {
            ClapDraw draw = Draws(c, row);
            ClapFeatures features = extractor.Extract(Clip(c, row, extractor.Config), draw);
            bool isLonger = ClapFeatureExtractor.FlagLonger([features], draw)[0];
            CompareFeatures(c, report, row, features, isLonger);
            float[] embedding = encoder.Encode(features, isLonger, cancellationToken);
            report.Compare($"{row}.audio_features", embedding, [1, embedding.Length]);
            CompareStages(c, report, row, features, isLonger, tapped, cancellationToken);
        }
    }

    /// <summary>The numbers that case.json states for a row, in the order in which they are asked for.</summary>
    private static ClapDraw Draws(ParityCase c, string row)
    {
        Queue<int> draws = new(c.Json.GetProperty("draws").TryGetProperty($"{row}.draws", out JsonElement list) ? list.EnumerateArray().Select(draw => draw.GetInt32()) : []);
        return (first, count) => draws.TryDequeue(out int draw) && draw >= first && draw < first + count
            ? draw
            : throw new ParityException($"'{row}' asks for a number from {first} to {first + count - 1}; case.json states none.");
    }

    /// <summary>A row's sound file; "exact" is the longest one cut to what the model hears at once.</summary>
    private static float[] Clip(ParityCase c, string row, ClapFeatureConfig config)
    {
        string name = row[(row.IndexOf('.', StringComparison.Ordinal) + 1)..];
        bool isExact = name == "exact";
        string file = isExact ? "long.wav" : $"{name}.wav";
        AudioClip clip = AudioClip.LoadAsync(c.Resolve(file)).GetAwaiter().GetResult();
        float[] samples = clip.ToMono().Samples.ToArray();
        return clip.SampleRate != config.SampleRate
            ? throw new ParityException($"'{file}' has {clip.SampleRate} Hz; the checkpoint hears {config.SampleRate} Hz.")
            : isExact ? samples[..config.MaxSamples] : samples;
    }

    private static void CompareFeatures(ParityCase c, ParityReport report, string row, ClapFeatures features, bool isLonger)
    {
        report.CompareExact($"{row}.is_longer", [isLonger ? 1 : 0], [1, 1]);
        (float[], long[]) all = (features.Values, [features.Channels, features.Frames, features.Bins]);
        foreach (string tensor in c.Expected.Names.Where(name => name.StartsWith($"{row}.{Features}", StringComparison.Ordinal)))
        {
            // The whole, the first frames, or of fused features the shrunk whole, which is the first channel.
            Compare(c, report, tensor, all);
        }
    }

    private static void CompareStages(ParityCase c, ParityReport report, string row, ClapFeatures features, bool isLonger, DiffusionParts tapped, CancellationToken cancellationToken)
    {
        using NativeTensor input = NativeTensor.Of<float>(features.Values, 1, features.Channels, features.Frames, features.Bins);
        using NativeTensor flag = NativeTensor.Of<bool>([isLonger], 1, 1);
        Dictionary<string, (float[] Values, long[] Shape)> outputs = features.Channels > 1
            ? tapped.Run(ClapAudioEncoder.Component, cancellationToken, (Features, input), ("is_longer", flag))
            : tapped.Run(ClapAudioEncoder.Component, cancellationToken, (Features, input));
        foreach ((string stage, (float[] Values, long[] Shape) output) in outputs)
        {
            if (c.Expected.Has($"{row}.{stage}"))
            {
                Compare(c, report, $"{row}.{stage}", output);
            }
        }
    }

    /// <summary>Compares what is stored of a tensor: its beginning in every dimension, or, where the description says "last", the end of the first.</summary>
    private static void Compare(ParityCase c, ParityReport report, string tensor, (float[] Values, long[] Shape) found)
    {
        long[] stored = c.Expected.Shape(tensor);
        if (stored.Length != found.Shape.Length || stored.Zip(found.Shape).Any(pair => pair.First > pair.Second))
        {
            report.Compare(tensor, found.Values, found.Shape);
            return;
        }

        bool fromEnd = c.Json.GetProperty("tensors").TryGetProperty(tensor, out JsonElement text) && text.GetString()!.Contains(" last ", StringComparison.Ordinal);
        float[] kept = new float[stored.Aggregate(1L, (product, size) => product * size)];
        long[] at = new long[stored.Length];
        for (int i = 0; i < kept.Length; i++)
        {
            long rest = i;
            for (int d = stored.Length - 1; d >= 0; d--)
            {
                at[d] = rest % stored[d];
                rest /= stored[d];
            }

            at[0] += fromEnd ? found.Shape[0] - stored[0] : 0;
            long index = 0;
            for (int d = 0; d < stored.Length; d++)
            {
                index = (index * found.Shape[d]) + at[d];
            }

            kept[i] = found.Values[index];
        }

        report.Compare(tensor, kept, stored);
    }
}
