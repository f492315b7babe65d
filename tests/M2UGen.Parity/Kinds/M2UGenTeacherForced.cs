using System.Globalization;
using System.Text.Json;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;
using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Parity.Kinds;

/// <summary>
/// Rows <c>tf.N</c>: given token ids, the logits and hidden states of every position, read token by token over the cache. The prefix is what the row's own media
/// give; where a case has no encoders, the expected one is taken as given. Rows without media must get theirs from the checkpoint alone.
/// </summary>
internal static class M2UGenTeacherForced
{
    public static void Run(ParityCase c, M2UGenSession session, JsonElement rows, ParityReport report, CancellationToken cancellationToken)
    {
        int index = 0;
        foreach (JsonElement row in rows.EnumerateArray())
        {
            // "tf.N is row N": N is the row's own number where it has one.
            int number = row.TryGetProperty("index", out JsonElement own) ? own.GetInt32() : index;
            string name = string.Create(CultureInfo.InvariantCulture, $"tf.{number}");
            report.Row(name, () => RunRow(c, session, row, name, report, cancellationToken));
            index++;
        }
    }

    private static void RunRow(ParityCase c, M2UGenSession session, JsonElement media, string row, ParityReport report, CancellationToken cancellationToken)
    {
        string contribution = $"{row}.prefix_contribution";
        float[] prefix = session.TextPrefix;
        long[] prefixShape = [session.Config.PrefixLayers, session.Config.Dim];
        if (session.Media?.MissingFile(media) is { } missing)
        {
            // The rest of the row needs the prefix alone.
            prefix = c.Expected.Float(contribution);
            report.Skip(contribution, $"{M2UGenMedia.Absent(missing)}; taken as given");
            report.SkipAll($"{row}.prefix", M2UGenMedia.Absent(missing));
        }
        else if (M2UGenKind.HasMedia(media) && session.Media is { } encoded)
        {
            MediaFeatures features = encoded.Features(media, cancellationToken);
            prefix = encoded.Senses.Prefix(features, knn: null, cancellationToken);
            report.Compare(contribution, prefix, prefixShape);
            report.Compare($"{row}.prefix", PrefixVectors(c, session, features, cancellationToken), prefixShape);
        }
        else if (M2UGenKind.HasMedia(media))
        {
            prefix = c.Expected.Float(contribution);
            report.Skip(contribution, $"{M2UGenKind.NoEncoder}; taken as given");
            report.SkipAll($"{row}.prefix", M2UGenKind.NoEncoder);
        }
        else
        {
            report.Compare(contribution, prefix, prefixShape);
            report.Compare($"{row}.prefix", PrefixQuery(c), prefixShape);
        }

        int[] ids = Array.ConvertAll(c.Inputs.Int64($"{row}.ids"), id => checked((int)id));
        CompareEveryPosition(c, session, row, ids, prefix, report, cancellationToken);
        if (c.Expected.Has($"{row}.layers"))
        {
            CompareLayers(c, $"{row}.layers", ids, prefix, report, cancellationToken);
        }
    }

    private static void CompareEveryPosition(
        ParityCase c, M2UGenSession session, string row, int[] ids, float[] prefix, ParityReport report, CancellationToken cancellationToken)
    {
        int dim = session.Config.Dim, vocabulary = session.Config.VocabularySize;
        float[] hidden = new float[ids.Length * dim];
        float[] logits = new float[ids.Length * vocabulary];
        using LlamaDecoder decoder = session.Decode(ids.Length, prefix);
        for (int t = 0; t < ids.Length; t++)
        {
            decoder.Step(ids[t], cancellationToken);
            decoder.HiddenState.CopyTo(hidden.AsSpan(t * dim));
            decoder.Logits.CopyTo(logits.AsSpan(t * vocabulary));
        }

        report.Compare($"{row}.hidden", hidden, [ids.Length, dim]);

        // All positions (logits) or the last few of them (logits_last8): the shape says how many.
        string[] stored = [.. c.Expected.Names.Where(n => n.StartsWith($"{row}.logits", StringComparison.Ordinal))];
        report.Check($"{row}.logits stored", stored.Length > 0, "expected.safetensors has no logits of this row");
        foreach (string name in stored)
        {
            int positions = (int)Math.Min(c.Expected.Shape(name)[0], ids.Length);
            report.Compare(name, logits.AsSpan((ids.Length - positions) * vocabulary), [positions, vocabulary]);
        }
    }

    /// <summary>The outputs of all layers, from the taps of a graph exported for that, all tokens in one call.</summary>
    private static void CompareLayers(ParityCase c, string tensor, int[] ids, float[] prefix, ParityReport report, CancellationToken cancellationToken)
    {
        ModelBundle bundle = ModelBundle.Open(M2UGenExports.Bundle(c, "layers.*"));
        LlamaConfig config = LlamaConfig.From(bundle.Component("llama"));
        using ModelSet models = new(bundle, new RuntimeOptions());
        IOnnxModel model = models.Get("llama");
        using KVCache cache = new(model, config.Layers, 1, config.Heads, ids.Length, config.HeadSize);
        using NativeTensor inputIds = NativeTensor.Of<long>(Array.ConvertAll(ids, id => (long)id), 1, ids.Length);
        using NativeTensor prefixTensor = NativeTensor.Of<float>(prefix, config.PrefixLayers, config.Dim);
        using NativeTensor lastPosition = NativeTensor.Of<int>([ids.Length - 1], 1);
        using NativeTensor totalLength = NativeTensor.Of<int>([ids.Length]);
        using IModelRun run = model.CreateRun();
        run.BindInput("input_ids", inputIds);
        run.BindInput("prefix", prefixTensor);
        run.BindInput("seqlens_k", lastPosition);
        run.BindInput("total_sequence_length", totalLength);
        cache.Bind(run);
        run.BindOutputToAllocated("logits");
        run.BindOutputToAllocated("hidden_states");
        for (int layer = 0; layer < config.Layers; layer++)
        {
            run.BindOutputToAllocated($"layers.{layer}");
        }

        run.Run(cancellationToken);
        float[] layers = new float[config.Layers * ids.Length * config.Dim];
        for (int layer = 0; layer < config.Layers; layer++)
        {
            using NativeTensor output = run.TakeOutput($"layers.{layer}");
            output.AsSpan<float>().CopyTo(layers.AsSpan(layer * ids.Length * config.Dim));
        }

        report.Compare(tensor, layers, [config.Layers, ids.Length, config.Dim]);
    }

    /// <summary>The prefix vectors of a request with media: prefix_query, and on a medium's third of it the adapter's output.</summary>
    private static float[] PrefixVectors(ParityCase c, M2UGenSession session, MediaFeatures features, CancellationToken cancellationToken)
    {
        float[] vectors = PrefixQuery(c);
        (string Component, float[]? Feature)[] media = [(MediaEncoders.AudioPrefix, features.Audio), (MediaEncoders.ImagePrefix, features.Image), (MediaEncoders.VideoPrefix, features.Video)];
        for (int i = 0; i < media.Length; i++)
        {
            if (media[i].Feature is { } feature)
            {
                session.Taps.Vectors(media[i].Component, feature, cancellationToken).CopyTo(vectors, i * vectors.Length / media.Length);
            }
        }

        return vectors;
    }

    /// <summary>prefix_query.weight: the prefix vectors of a request without media.</summary>
    private static float[] PrefixQuery(ParityCase c)
    {
        string path = c.FileOf("checkpoint");
        using Checkpoint checkpoint = M2UGenSource.OpenCheckpoint(path);
        return WeightMap.From(checkpoint).Find("prefix_query.weight")?.ReadFloat32() ?? throw new ParityException($"'{path}' has no prefix_query.weight.");
    }
}
