using System.Numerics.Tensors;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Blocks;

/// <summary>The low-rank pair of a tuned matrix: y = W x + L2 (L1 x), without a scale factor.</summary>
/// <param name="Down">L1 [rank, in].</param>
/// <param name="Up">L2 [out, rank].</param>
internal sealed record LoraPair(Weight Down, Weight Up);

/// <summary>Folds a low-rank pair into its matrix, so that the graph holds one matrix: W' = W + L2 L1.</summary>
/// <remarks>Source: LoRA (arXiv:2106.09685); reference <c>llama.py Attention.forward</c>, <c>FeedForward.forward</c>.</remarks>
internal static class LoraLinear
{
    /// <summary>The folded matrix [out, in]; <paramref name="weight"/> itself where there is no pair.</summary>
    public static Weight Fold(Weight weight, LoraPair? pair) => pair is null ? weight : new Weight($"{weight.Name}+lora", weight.Shape, () => Sum(weight, pair));

    private static float[] Sum(Weight weight, LoraPair pair)
    {
        float[] folded = weight.Load();
        float[] down = pair.Down.Load();
        float[] up = pair.Up.Load();
        int rank = (int)pair.Down.Shape[0];
        int width = (int)weight.Shape[1];

        // A product, then a sum, never one fused step: the same bits on every processor.
        Parallel.For(0, (int)weight.Shape[0], () => new float[width], (row, _, product) =>
        {
            Span<float> target = folded.AsSpan(row * width, width);
            for (int k = 0; k < rank; k++)
            {
                TensorPrimitives.Multiply(down.AsSpan(k * width, width), up[(row * rank) + k], product);
                TensorPrimitives.Add(target, product, target);
            }

            return product;
        }, _ => { });
        return folded;
    }
}
