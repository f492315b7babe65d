using M2UGen.Export.Architectures;
using M2UGen.Export.Bundles;
using M2UGen.Export.Graph;
using M2UGen.Export.Sources;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>A tiny MusicGen of the goldens: its graphs, saved and loaded when first asked for.</summary>
internal sealed class TinyMusicGen : IDisposable
{
    private readonly Dictionary<string, GraphRunner> runners = [];
    private readonly Dictionary<string, BundlePart> parts;
    private CodecRunner? codec;

    public TinyMusicGen(string caseFolder, string model = "model")
    {
        Directory = MusicGenDirectory.Open(Path.Combine(caseFolder, model));
        parts = Directory.CreateParts(new GraphOptions { Taps = ["*"] }).ToDictionary(part => part.Component);
        Inputs = new GoldenTensors(Path.Combine(caseFolder, "inputs.safetensors"));
        Expected = new GoldenTensors(Path.Combine(caseFolder, "expected.safetensors"));
    }

    public MusicGenDirectory Directory { get; }

    public GoldenTensors Inputs { get; }

    public GoldenTensors Expected { get; }

    public int Number(string component, string key) => CodecRunner.Number(parts[component], key);

    /// <summary>Runs a component once.</summary>
    public Dictionary<string, (float[] Values, long[] Shape)> Run(string component, params (string Name, Array Elements, long[] Shape)[] inputs)
    {
        if (!runners.TryGetValue(component, out GraphRunner? runner))
        {
            runner = new GraphRunner(parts[component].Graph);
            runners.Add(component, runner);
        }

        return runner.Run(inputs);
    }

    /// <summary>T5's states of padded ids [B, L].</summary>
    public Dictionary<string, (float[] Values, long[] Shape)> EncodeText(long[] ids, long[] mask, long rows)
        => Run(T5EncoderGraph.Component, ("input_ids", ids, [rows, ids.Length / rows]), ("attention_mask", mask, [rows, ids.Length / rows]));

    /// <summary>The conditioning of states [B, L, width]; <paramref name="chroma"/> for melody models.</summary>
    public Dictionary<string, (float[] Values, long[] Shape)> Condition((float[] Values, long[] Shape) states, long[] mask, float[]? chroma = null)
    {
        List<(string, Array, long[])> inputs = [("encoder_hidden_states", states.Values, states.Shape), ("attention_mask", mask, states.Shape[..2])];
        if (chroma is not null)
        {
            inputs.Add(("chroma", chroma, [states.Shape[0], Directory.Config.ChromaLength, Directory.Config.ChromaBins]));
        }

        return Run(MusicGenConditionGraph.Component, [.. inputs]);
    }

    /// <summary>The codec's decoder.</summary>
    public CodecRunner Codec => codec ??= new CodecRunner(parts[EncodecDecoderGraph.Component]);

    public void Dispose()
    {
        foreach (GraphRunner runner in runners.Values)
        {
            runner.Dispose();
        }

        codec?.Dispose();
        Directory.Dispose();
    }

    /// <summary>A cache that is copied back after each step: the runtime's tests cover the one in place.</summary>
    internal sealed class Decoder
    {
        private readonly TinyMusicGen model;
        private readonly long rows;
        private readonly Dictionary<string, float[]> cache = [];
        private readonly long[] cacheShape;
        private readonly (string, Array, long[])[] conditioning;

        /// <param name="model">The model.</param>
        /// <param name="rows">B.</param>
        /// <param name="capacity">Positions of the cache.</param>
        /// <param name="condition">Outputs of the conditioning graph for the first rows (cross-attention form).</param>
        public Decoder(TinyMusicGen model, long rows, int capacity, Dictionary<string, (float[] Values, long[] Shape)>? condition = null)
        {
            this.model = model;
            this.rows = rows;
            cacheShape = [rows, model.Number(MusicGenDecoderGraph.Component, "heads"), capacity, model.Number(MusicGenDecoderGraph.Component, "head_size")];
            for (int layer = 0; layer < model.Number(MusicGenDecoderGraph.Component, "layers"); layer++)
            {
                cache[$"{layer}.key"] = new float[cacheShape.Aggregate(1L, (a, b) => a * b)];
                cache[$"{layer}.value"] = new float[cacheShape.Aggregate(1L, (a, b) => a * b)];
            }

            conditioning = condition is null
                ? []
                : [.. condition.Where(output => output.Key.StartsWith("cross_", StringComparison.Ordinal)).Select(output => (output.Key, (Array)output.Value.Values, output.Value.Shape))];
        }

        public int Length { get; private set; }

        /// <summary>Runs ids [B, K, S], behind a prefix [B, P, H] for melody models.</summary>
        public Dictionary<string, (float[] Values, long[] Shape)> Step(long[] ids, long sequence, (float[] Values, long[] Shape)? prefix = null)
        {
            long hidden = model.Directory.Config.Decoder.HiddenSize;
            int added = (int)(sequence + (prefix?.Shape[1] ?? 0));
            int total = Length + added;
            List<(string, Array, long[])> inputs =
            [
                ("input_ids", ids, [rows, ids.Length / rows / sequence, sequence]),
                ("position_ids", Enumerable.Range(Length, added).Select(position => (long)position).ToArray(), [added]),
                ("seqlens_k", Enumerable.Repeat(total - 1, (int)rows).ToArray(), [rows]),
                ("total_sequence_length", new[] { total }, []),
                .. conditioning,
                .. cache.Select(side => ($"past_key_values.{side.Key}", (Array)side.Value, cacheShape)),
            ];
            if (model.Directory.Config.IsMelody)
            {
                (float[] values, long[] shape) = prefix ?? ([], [rows, 0, hidden]);
                inputs.Add(("prefix", values, shape));
            }

            Dictionary<string, (float[] Values, long[] Shape)> outputs = model.Run(MusicGenDecoderGraph.Component, [.. inputs]);
            foreach (string name in cache.Keys.ToArray())
            {
                cache[name] = outputs[$"present.{name}"].Values;
            }

            Length = total;
            return outputs;
        }
    }
}
