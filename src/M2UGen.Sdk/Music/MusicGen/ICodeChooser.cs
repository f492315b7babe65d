using System.Numerics.Tensors;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Chooses the next code of one codebook from its logits.</summary>
internal interface ICodeChooser
{
    /// <summary>Chooses a code; allocates nothing.</summary>
    /// <param name="logits">[vocabulary], guided; may be overwritten.</param>
    /// <param name="piece">Which piece of the batch the row belongs to: each has its own random sequence.</param>
    int Choose(Span<float> logits, int piece);
}

/// <summary>Always the most probable code, the first of them on a tie.</summary>
internal sealed class GreedyChooser : ICodeChooser
{
    public int Choose(Span<float> logits, int piece) => TensorPrimitives.IndexOfMax(logits);
}
