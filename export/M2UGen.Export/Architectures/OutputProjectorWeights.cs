using System.Globalization;
using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Architectures;

/// <summary>The tensors of the output projector, found by name and checked by shape.</summary>
/// <remarks>Layer counts, widths and the number of queries are the checkpoint's. Source: reference <c>projector.py ProjectionLayer</c>.</remarks>
internal sealed record OutputProjectorWeights
{
    /// <summary>The tensors' common prefix.</summary>
    public const string Prefix = "output_projector";

    /// <summary>fc [width, dim] with bias.</summary>
    public required LinearWeights Input { get; init; }

    /// <summary>The encoder's layers.</summary>
    public required IReadOnlyList<TransformerLayerWeights> Encoder { get; init; }

    /// <summary>The norm behind the encoder.</summary>
    public required NormWeights EncoderNorm { get; init; }

    /// <summary>The decoder's layers.</summary>
    public required IReadOnlyList<TransformerLayerWeights> Decoder { get; init; }

    /// <summary>The norm behind the decoder.</summary>
    public required NormWeights DecoderNorm { get; init; }

    /// <summary>query_embs [1, tokens, width].</summary>
    public required Weight Queries { get; init; }

    /// <summary>model [out, width] with bias.</summary>
    public required LinearWeights Output { get; init; }

    /// <summary>The number of vectors that come out.</summary>
    public long Tokens => Queries.Shape[1];

    /// <summary>The width of a vector that comes out.</summary>
    public long Width => Output.Weight.Shape[0];

    /// <summary>Whether the projector is the one for AudioLDM2: one query whose single vector holds all embeddings.</summary>
    public bool IsFlat => Tokens == 1;

    /// <summary>Whether the checkpoint has a projector at all.</summary>
    public static bool IsIn(WeightMap map) => map.Contains($"{Prefix}.query_embs") || map.Contains($"{Prefix}.model.weight");

    /// <summary>Finds the tensors; what is missing is noted in <paramref name="map"/>.</summary>
    /// <param name="map">The checkpoint.</param>
    /// <param name="dim">The language model's width.</param>
    public static OutputProjectorWeights Read(WeightMap map, long dim)
    {
        long width = map.RowsOf($"{Prefix}.fc.weight");
        long output = map.RowsOf($"{Prefix}.model.weight");
        return new OutputProjectorWeights
        {
            Input = LinearOf(map, $"{Prefix}.fc", width, dim),
            Encoder = Layers(map, "encoder", width, hasCross: false),
            EncoderNorm = NormOf(map, $"{Prefix}.tfm.encoder.norm", width),
            Decoder = Layers(map, "decoder", width, hasCross: true),
            DecoderNorm = NormOf(map, $"{Prefix}.tfm.decoder.norm", width),
            Queries = map.Require($"{Prefix}.query_embs", 1, WeightMapExtensions.Any, width),
            Output = LinearOf(map, $"{Prefix}.model", output, width),
        };
    }

    private static TransformerLayerWeights[] Layers(WeightMap map, string side, long width, bool hasCross)
    {
        string prefix = $"{Prefix}.tfm.{side}.layers.";

        // At least one layer is asked for, so that a checkpoint without any is reported as incomplete.
        TransformerLayerWeights[] layers = new TransformerLayerWeights[Math.Max(1, CountLayers(map, prefix))];
        for (int i = 0; i < layers.Length; i++)
        {
            string layer = $"{prefix}{i.ToString(CultureInfo.InvariantCulture)}";
            long hidden = map.RowsOf($"{layer}.linear1.weight");
            layers[i] = new TransformerLayerWeights
            {
                Self = AttentionOf(map, $"{layer}.self_attn", width),
                Cross = hasCross ? AttentionOf(map, $"{layer}.multihead_attn", width) : null,
                Up = LinearOf(map, $"{layer}.linear1", hidden, width),
                Down = LinearOf(map, $"{layer}.linear2", width, hidden),
                Norms = [.. Enumerable.Range(1, hasCross ? 3 : 2).Select(n => NormOf(map, $"{layer}.norm{n}", width))],
            };
        }

        return layers;
    }

    private static int CountLayers(WeightMap map, string prefix)
    {
        int count = 0;
        while (map.Contains($"{prefix}{count}.linear1.weight"))
        {
            count++;
        }

        return count;
    }

    private static PackedAttentionWeights AttentionOf(WeightMap map, string path, long width) => new(
        map.Require($"{path}.in_proj_weight", width < 0 ? WeightMapExtensions.Any : 3 * width, width),
        map.Require($"{path}.in_proj_bias", width < 0 ? WeightMapExtensions.Any : 3 * width),
        map.Require($"{path}.out_proj.weight", width, width),
        map.Require($"{path}.out_proj.bias", width));

    private static LinearWeights LinearOf(WeightMap map, string path, long rows, long columns)
        => new(map.Require($"{path}.weight", rows, columns), map.Require($"{path}.bias", rows));

    private static NormWeights NormOf(WeightMap map, string path, long width)
        => new(map.Require($"{path}.weight", width), map.Require($"{path}.bias", width));
}
