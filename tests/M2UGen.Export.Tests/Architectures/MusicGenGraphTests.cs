using M2UGen.Export.Architectures;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>MusicGen's language half against the reference: stereo (cross attention, fp16 shards, no projection) and melody (prefix).</summary>
public sealed class MusicGenGraphTests
{
    private const double Tolerance = 2e-4;

    [Fact]
    public void Step_StereoTeacherForced_GivesTheReferencesLogits()
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-stereo"));
        (Dictionary<string, (float[] Values, long[] Shape)> condition, long rows) = ConditionOfTexts(model);

        CheckTeacherForced(model, condition, rows);
    }

    [Fact]
    public void Step_SeveralPositionsFirst_GivesTheSameAsOneByOne()
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-stereo"));
        (Dictionary<string, (float[] Values, long[] Shape)> condition, long rows) = ConditionOfTexts(model);
        long[] ids = model.Inputs.Int64("decoder_input_ids");
        long sequence = model.Inputs.Shape("decoder_input_ids")[1];

        float[] atOnce = new TinyMusicGen.Decoder(model, rows, 16, condition).Step(ids, sequence)["logits"].Values;

        Near.Equal(Column(model.Expected.Float("logits"), ids.Length / (int)sequence, (int)sequence, (int)sequence - 1), atOnce, Tolerance, "logits");
    }

    [Fact]
    public void Step_RowsBehindTheConditional_GetNothingFromCrossAttention()
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-stereo"));
        (Dictionary<string, (float[] Values, long[] Shape)> condition, long rows) = ConditionOfTexts(model);
        long[] mask = model.Inputs.Int64("attention_mask");
        (float[] Values, long[] Shape) states = model.EncodeText(model.Inputs.Int64("input_ids"), mask, rows)["last_hidden_state"];

        // What the reference does for the unconditional half: states of zero under a mask of zeros, computed like any other.
        Dictionary<string, (float[] Values, long[] Shape)> nothing = model.Condition((new float[states.Values.Length], states.Shape), new long[mask.Length]);
        Assert.All(nothing["cross_key_values.0.value"].Values, value => Assert.Equal(0, value));
        long[] ids = model.Inputs.Int64("decoder_input_ids");
        long sequence = model.Inputs.Shape("decoder_input_ids")[1];
        TinyMusicGen.Decoder both = new(model, 2 * rows, 16, condition);
        TinyMusicGen.Decoder unconditional = new(model, rows, 16, nothing);
        for (int t = 0; t < sequence; t++)
        {
            long[] column = Column(ids, ids.Length / (int)sequence, (int)sequence, t);
            float[] all = both.Step([.. column, .. column], 1)["logits"].Values;
            float[] second = unconditional.Step(column, 1)["logits"].Values;

            Near.Equal(second, all.AsSpan(all.Length / 2), 1e-6, $"unconditional rows at step {t}");
            Near.Equal(ExpectedAt(model, t), all.AsSpan(0, all.Length / 2), Tolerance, $"conditional rows at step {t}");
        }
    }

    [Fact]
    public void Step_MelodyTeacherForced_GivesTheReferencesPrefixAndLogits()
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-melody"));
        long[] mask = model.Inputs.Int64("text_and_short/attention_mask");
        (float[] Values, long[] Shape) states = model.EncodeText(model.Inputs.Int64("text_and_short/input_ids"), mask, 1)["last_hidden_state"];
        float[] chroma = Repeated(model.Expected.Float("chroma/short"), model.Directory.Config.ChromaLength * model.Directory.Config.ChromaBins);
        (float[] Values, long[] Shape) prefix = model.Condition(states, mask, chroma)["prefix"];
        Near.Equal(model.Expected.Float("prefix"), prefix.Values, Tolerance, "prefix");

        long[] ids = model.Inputs.Int64("decoder_input_ids");
        int sequence = model.Inputs.Shape("decoder_input_ids")[1];
        TinyMusicGen.Decoder decoder = new(model, 1, 64);
        for (int t = 0; t < sequence; t++)
        {
            float[] logits = decoder.Step(Column(ids, ids.Length / sequence, sequence, t), 1, t == 0 ? prefix : null)["logits"].Values;
            Near.Equal(ExpectedAt(model, t), logits, Tolerance, $"logits at step {t}");
        }
    }

    [Fact]
    public void Open_MelodyDirectory_GivesTheNumbersOfItsFiles()
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-melody"));

        Assert.Equal(
            """{"sampling_rate":32000,"feature_size":12,"padding_side":"right","n_fft":16384,"hop_length":4096,"chunk_length":3,"n_samples":96000,"stem_indices":[3,2]}""",
            model.Directory.Preprocessing.ToJsonString());
        Assert.Equal(
            """{"do_sample":true,"guidance_scale":3,"temperature":1,"top_k":50,"top_p":1,"typical_p":1,"max_length":1500}""",
            model.Directory.Generation.ToJsonString());
        Assert.Equal(16, model.Number(MusicGenDecoderGraph.Component, "head_size"));
        Assert.Equal(20, model.Number(MusicGenConditionGraph.Component, "chroma_length"));
        Assert.Equal(["spiece.model", "tokenizer_config.json", "special_tokens_map.json"], model.Directory.TokenizerFiles.Select(Path.GetFileName));
    }

    private static (Dictionary<string, (float[] Values, long[] Shape)> Condition, long Rows) ConditionOfTexts(TinyMusicGen model)
    {
        long[] mask = model.Inputs.Int64("attention_mask");
        long rows = model.Inputs.Shape("attention_mask")[0];
        return (model.Condition(model.EncodeText(model.Inputs.Int64("input_ids"), mask, rows)["last_hidden_state"], mask), rows);
    }

    private static void CheckTeacherForced(TinyMusicGen model, Dictionary<string, (float[] Values, long[] Shape)> condition, long rows)
    {
        long[] ids = model.Inputs.Int64("decoder_input_ids");
        int sequence = model.Inputs.Shape("decoder_input_ids")[1];
        TinyMusicGen.Decoder decoder = new(model, rows, 16, condition);
        for (int t = 0; t < sequence; t++)
        {
            float[] logits = decoder.Step(Column(ids, ids.Length / sequence, sequence, t), 1)["logits"].Values;
            Near.Equal(ExpectedAt(model, t), logits, Tolerance, $"logits at step {t}");
        }
    }

    /// <summary>The expected logits [B·K, V] of position <paramref name="t"/> out of [B·K, T, V].</summary>
    private static float[] ExpectedAt(TinyMusicGen model, int t)
    {
        int[] shape = model.Expected.Shape("logits");
        return Column(model.Expected.Float("logits"), shape[0], shape[1], t);
    }

    /// <summary>Element <paramref name="t"/> of the second dimension: [rows, T, ..] to [rows, ..].</summary>
    private static T[] Column<T>(T[] values, int rows, int count, int t)
    {
        int width = values.Length / rows / count;
        T[] column = new T[rows * width];
        for (int row = 0; row < rows; row++)
        {
            values.AsSpan(((row * count) + t) * width, width).CopyTo(column.AsSpan(row * width));
        }

        return column;
    }

    /// <summary>Repeated as a whole, then cut.</summary>
    private static float[] Repeated(float[] values, int length) => [.. Enumerable.Range(0, length).Select(i => values[i % values.Length])];
}
