using System.Text.Json.Nodes;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Cli.Bench;

/// <summary>The language model: how fast it reads a prompt and writes tokens.</summary>
internal static class LanguageBench
{
    private const int ChunkSize = 256;

    /// <summary>Measures prefill and decoding; the tokens are arbitrary, since speed does not depend on which they are.</summary>
    public static JsonObject Run(ModelBundle bundle, ModelSet models, Bandwidth bandwidth, BenchOptions options, CancellationToken cancellationToken)
    {
        LlamaConfig config = LanguageModel.Open(bundle, models).Config;
        int promptTokens = Math.Clamp(options.PromptTokens, 1, config.ContextLength - 1);
        int newTokens = Math.Clamp(options.NewTokens, 1, config.ContextLength - promptTokens);
        int[] prompt = [.. Enumerable.Range(0, promptTokens).Select(i => i % config.VocabularySize)];
        float[] prefix = new float[config.PrefixLayers * config.Dim];
        IOnnxModel model = models.Get(LanguageModel.Component);
        List<Measurement> prefills = [];
        List<Measurement> steps = [];
        for (int run = 0; run <= options.Repeat; run++)
        {
            bandwidth.Measure(cancellationToken);
            using LlamaDecoder decoder = new(model, config, promptTokens + newTokens, prefix);
            Measurement prefill = Measurement.Of(() =>
            {
                decoder.Prefill(prompt, ChunkSize, cancellationToken);
                return promptTokens;
            });

            // The first step of a decoder is not like the others: the runtime plans its memory.
            decoder.Step(0, cancellationToken);
            Measurement decode = Measurement.Of(() =>
            {
                for (int i = 1; i < newTokens; i++)
                {
                    decoder.Step(i % config.VocabularySize, cancellationToken);
                }

                return newTokens - 1;
            });
            if (run > 0)
            {
                prefills.Add(prefill);
                steps.Add(decode);
            }
        }

        bandwidth.Measure(cancellationToken);
        Measurement reading = Measurement.Median(prefills);
        Measurement writing = Measurement.Median(steps);
        JsonObject result = new()
        {
            ["prompt_tokens"] = promptTokens,
            ["prefill_tokens_per_second"] = reading.Rate,
            ["new_tokens"] = writing.Steps,
            ["decode_tokens_per_second"] = writing.Rate,
            ["allocated_bytes_per_step"] = writing.BytesPerStep,
        };
        ReadBound.Add(result, writing.Rate, ReadBound.WeightBytes(bundle, LanguageModel.Component), bandwidth.TakeMedian());
        return result;
    }
}
