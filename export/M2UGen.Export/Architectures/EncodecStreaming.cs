using M2UGen.Export.Blocks;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Architectures;

/// <summary>How far EnCodec's decoder looks to either side: what a caller who decodes piece by piece must repeat, worked out layer by layer.</summary>
/// <param name="ConvLeftFrames">Frames before a frame that the first convolution sees.</param>
/// <param name="ConvRightFrames">Frames after it.</param>
/// <param name="StackLeftSamples">Samples after an artificial left edge of the upsampling stack's input that differ from the whole decode.</param>
/// <param name="StackRightSamples">Samples before an artificial right edge that differ.</param>
/// <param name="SamplesPerFrame">Samples of a frame.</param>
internal sealed record EncodecStreaming(int ConvLeftFrames, int ConvRightFrames, long StackLeftSamples, long StackRightSamples, int SamplesPerFrame)
{
    /// <summary>Frames that hold <see cref="StackLeftSamples"/>.</summary>
    public long StackLeftFrames => (StackLeftSamples + SamplesPerFrame - 1) / SamplesPerFrame;

    /// <summary>Frames that hold <see cref="StackRightSamples"/>.</summary>
    public long StackRightFrames => (StackRightSamples + SamplesPerFrame - 1) / SamplesPerFrame;

    /// <summary>Follows an artificial edge through the decoder.</summary>
    /// <remarks>
    /// With l wrong elements on the left and r on the right: a convolution makes them l + left and r + right (what pads the edge was taken from
    /// elements that lie no deeper). A transposed one of stride s, kernel k and left cut a: the last of l wrong inputs, or the missing one before
    /// the edge, reaches outputs below (l-1)·s + k - a; the first missing input behind the edge reaches outputs from (T-r)·s - a on.
    /// Where padding reflects, the true beginning needs as many elements behind it as are padded in front: causal convolutions look right there too.
    /// </remarks>
    public static EncodecStreaming Of(EncodecConfig config)
    {
        ConvShape first = new(config.KernelSize, IsCausal: config.IsCausal);
        long left = 0;
        long right = 0;
        foreach (int ratio in config.Ratios)
        {
            ConvShape up = new(2 * ratio, ratio, IsCausal: config.IsCausal);
            int cut = ConvTranspose1d.Cuts(up, config.TrimRightRatio).Left;
            left = Math.Max(0, ((left - 1) * ratio) + up.Kernel - cut);
            right = (right * ratio) + cut;
            for (int j = 0; j < config.ResidualLayers; j++)
            {
                ConvShape residual = new(config.ResidualKernelSize, Dilation: Dilation(config, j), IsCausal: config.IsCausal);
                left += residual.Left;
                right += Right(residual);
            }
        }

        ConvShape last = new(config.LastKernelSize, IsCausal: config.IsCausal);
        return new EncodecStreaming(first.Left, Right(first), left + last.Left, right + Right(last), config.SamplesPerFrame);

        int Right(ConvShape shape) => config.PadMode == "reflect" ? Math.Max(shape.Left, shape.Right) : shape.Right;
    }

    /// <summary>The dilation of residual block <paramref name="block"/> behind a (de)convolution.</summary>
    public static int Dilation(EncodecConfig config, int block) => (int)Math.Pow(config.DilationGrowth, block);
}
