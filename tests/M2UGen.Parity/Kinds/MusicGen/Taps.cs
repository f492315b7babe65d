using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>Inner stages of the conditioning graph.</summary>
internal sealed class ConditionTaps : IDisposable
{
    private readonly MusicBundle _tapped;
    private readonly Dictionary<string, NativeTensor> _inputs;

    public ConditionTaps(MusicBundle tapped, ConditioningRows rows)
    {
        _tapped = tapped;
        _inputs = new Dictionary<string, NativeTensor>
        {
            ["encoder_hidden_states"] = NativeTensor.Of<float>(rows.States, rows.Batch, rows.Length, rows.Width),
            ["attention_mask"] = NativeTensor.Of<long>(rows.Mask, rows.Batch, rows.Length),
        };
        if (tapped.Config.Chroma is { } chroma)
        {
            _inputs["chroma"] = NativeTensor.Allocate<float>(rows.Batch, chroma.ChromaLength, chroma.ChromaCount);
        }
    }

    public (float[] Values, long[] Shape) Take(string tap, CancellationToken cancellationToken) =>
        MusicRuns.Take(_tapped.Run(MusicGenConfig.ConditionComponent, _inputs, [tap], cancellationToken)[0]);

    public void Dispose()
    {
        foreach (NativeTensor tensor in _inputs.Values)
        {
            tensor.Dispose();
        }
    }
}

/// <summary>Inner stages of the decoder.</summary>
internal static class DecoderTaps
{
    /// <summary>Feeds codes at once and returns inner stages.</summary>
    /// <param name="tapped">A bundle with taps.</param>
    /// <param name="condition">What one piece listens to.</param>
    /// <param name="ids">[codebooks, length].</param>
    /// <param name="length">Codes a row.</param>
    /// <param name="firstPosition">Which row of the position table the first code has.</param>
    /// <param name="taps">The stages' names.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    public static float[][] Run(MusicBundle tapped, MusicGenCondition condition, long[] ids, int length, int firstPosition, string[] taps, CancellationToken cancellationToken)
    {
        MusicGenConfig config = tapped.Config;
        IOnnxModel model = tapped.Models.Get(MusicGenConfig.DecoderComponent);
        using KVCache cache = new(model, config.Layers, 1, config.Heads, length, config.HeadSize);
        using NativeTensor inputIds = NativeTensor.Of<long>(ids, 1, config.Codebooks, length);
        using NativeTensor positions = NativeTensor.Of<long>([.. Enumerable.Range(firstPosition, length).Select(p => (long)p)], length);
        using NativeTensor lastIndex = NativeTensor.Of<int>([length - 1], 1);
        using NativeTensor total = NativeTensor.Of<int>([length]);
        using IModelRun run = model.CreateRun();
        run.BindInput("input_ids", inputIds);
        run.BindInput("position_ids", positions);
        run.BindInput("seqlens_k", lastIndex);
        run.BindInput("total_sequence_length", total);
        condition.Bind(run);
        cache.Bind(run);
        run.BindOutputToAllocated("logits");
        foreach (TensorSpec output in model.Description.Outputs.Where(o => o.Name.StartsWith("decoder/", StringComparison.Ordinal) || o.Name == "positions"))
        {
            run.BindOutputToAllocated(output.Name);
        }

        run.Run(cancellationToken);
        return [.. taps.Select(tap => MusicRuns.Take(run.TakeOutput(tap)).Values)];
    }
}
