using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;

namespace M2UGen.Export.Synthesis;

/// <summary>The tensors of a CLAP without fusion as transformers 4.35 names them (ClapModel), its tables of positions included.</summary>
internal static class ClapBlueprint
{
    private const double Residual = 0.5;

    /// <summary>Lists them.</summary>
    /// <exception cref="NotSupportedException">The audio tower has fusion.</exception>
    public static void AddTo(Blueprint blueprint, ClapConfig config)
    {
        // Both are stored in 64 bits.
        foreach (string side in new[] { "a", "t" })
        {
            blueprint.Add(new SyntheticTensor($"logit_scale_{side}", TensorElementType.Float64, [], 0) { Elements = () => [2.6592600f] });
        }

        AddText(blueprint, config.Text);
        AddAudio(blueprint, config.Audio);
        AddProjection(blueprint, "text", config.ProjectionSize, config.Text.Form.HiddenSize);
        AddProjection(blueprint, "audio", config.ProjectionSize, config.Audio.OutputWidth);
    }

    private static void AddProjection(Blueprint blueprint, string side, long size, long width)
    {
        blueprint.Linear($"{side}_projection.linear1", size, width);
        blueprint.Linear($"{side}_projection.linear2", size, size);
    }

    private static void AddText(Blueprint blueprint, ClapTextConfig config)
    {
        long hidden = config.Form.HiddenSize;
        const string Embeddings = "text_model.embeddings";
        blueprint.Add($"{Embeddings}.word_embeddings.weight", 1, config.VocabularySize, hidden);
        blueprint.Add($"{Embeddings}.position_embeddings.weight", 0.3, config.Positions, hidden);
        blueprint.Add($"{Embeddings}.token_type_embeddings.weight", 0.3, config.TokenTypes, hidden);
        blueprint.Norm($"{Embeddings}.LayerNorm", hidden);
        AddWholeNumbers(blueprint, $"{Embeddings}.position_ids", [1, config.Positions], () => [.. Enumerable.Range(0, config.Positions).Select(position => (float)position)]);
        AddWholeNumbers(blueprint, $"{Embeddings}.token_type_ids", [1, config.Positions], () => new float[config.Positions]);
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"text_model.encoder.layer.{i}";
            AddAttention(blueprint, layer, hidden, hasBias: true);
            blueprint.Norm($"{layer}.attention.output.LayerNorm", hidden);
            AddFeedForward(blueprint, layer, config.Form.FeedForwardSize, hidden);
            blueprint.Norm($"{layer}.output.LayerNorm", hidden);
        }

        blueprint.Linear("text_model.pooler.dense", hidden, hidden);
    }

    private static void AddAudio(Blueprint blueprint, ClapAudioConfig config)
    {
        if (config.HasFusion)
        {
            throw new NotSupportedException("Only a CLAP without fusion can be made up.");
        }

        const string Root = "audio_model.audio_encoder";
        blueprint.Norm($"{Root}.batch_norm", config.MelBins);

        // Spectrograms are in decibels, mostly far below 0.
        blueprint.Add(new SyntheticTensor($"{Root}.batch_norm.running_mean", TensorElementType.Float32, [config.MelBins], 3, -25));
        blueprint.Add(new SyntheticTensor($"{Root}.batch_norm.running_var", TensorElementType.Float32, [config.MelBins], 10, 400));
        AddWholeNumbers(blueprint, $"{Root}.batch_norm.num_batches_tracked", [], () => [1]);
        blueprint.Add($"{Root}.patch_embed.proj.weight", 1.0 / config.PatchSize, config.PatchWidth, 1, config.PatchSize, config.PatchSize);
        blueprint.Add($"{Root}.patch_embed.proj.bias", 0.05, config.PatchWidth);
        if (config.HasPatchNorm)
        {
            blueprint.Norm($"{Root}.patch_embed.norm", config.PatchWidth);
        }

        for (int stage = 0; stage < config.Depths.Count; stage++)
        {
            AddStage(blueprint, config, $"{Root}.layers.{stage}", stage);
        }

        blueprint.Norm($"{Root}.norm", config.OutputWidth);
    }

    private static void AddStage(Blueprint blueprint, ClapAudioConfig config, string name, int stage)
    {
        long width = config.WidthOf(stage);
        int window = config.WindowSize;
        int area = window * window;
        int span = (2 * window) - 1;
        for (int i = 0; i < config.Depths[stage]; i++)
        {
            string block = $"{name}.blocks.{i}";
            AddAttention(blueprint, block, width, config.HasQkvBias);
            blueprint.Add($"{block}.attention.self.relative_position_bias_table", 0.5, span * span, config.Heads[stage]);
            AddWholeNumbers(blueprint, $"{block}.attention.self.relative_position_index", [area, area], () => [.. new WindowLayout(window, window, window, 0).RelativeIndex().Select(index => (float)index)]);
            blueprint.Norm($"{block}.layernorm_before", width);
            AddFeedForward(blueprint, block, (long)(config.FeedForwardRatio * width), width);
            blueprint.Norm($"{block}.layernorm_after", width);
        }

        if (stage + 1 < config.Depths.Count)
        {
            blueprint.Matrix($"{name}.downsample.reduction.weight", 2 * width, 4 * width);
            blueprint.Norm($"{name}.downsample.norm", 4 * width);
        }
    }

    private static void AddAttention(Blueprint blueprint, string layer, long width, bool hasBias)
    {
        foreach (string projection in new[] { "query", "key", "value" })
        {
            blueprint.Matrix($"{layer}.attention.self.{projection}.weight", width, width);
            if (hasBias)
            {
                blueprint.Add($"{layer}.attention.self.{projection}.bias", 0.05, width);
            }
        }

        blueprint.Linear($"{layer}.attention.output.dense", width, width, Residual);
    }

    private static void AddFeedForward(Blueprint blueprint, string layer, long inner, long width)
    {
        blueprint.Linear($"{layer}.intermediate.dense", inner, width);
        blueprint.Linear($"{layer}.output.dense", width, inner);
    }

    private static void AddWholeNumbers(Blueprint blueprint, string name, IReadOnlyList<long> shape, Func<float[]> elements)
        => blueprint.Add(new SyntheticTensor(name, TensorElementType.Int64, shape, 0) { Elements = elements });
}
