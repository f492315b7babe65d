using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Comparison;

/// <summary>Two MusicGens over the same codes: those that the reference draws for some captions, read by both. Each has its own text encoder and conditioning.</summary>
internal sealed record MusicComparison
{
    private MusicComparison(int codebooks) => Codebooks = [.. Enumerable.Range(0, codebooks).Select(_ => new DistributionStatistics())];

    /// <summary>Guided next-code distributions, by codebook.</summary>
    public IReadOnlyList<DistributionStatistics> Codebooks { get; }

    /// <summary>Inner stages, where both bundles have them as outputs.</summary>
    public LayerErrors Layers { get; } = new();

    /// <summary>Compares.</summary>
    /// <param name="reference">The bundle that draws.</param>
    /// <param name="other">The bundle that is judged.</param>
    /// <param name="captions">What the music shall be like.</param>
    /// <param name="steps">Decoder steps a caption.</param>
    /// <param name="seed">Start of the random sequence.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ExportException">The two are not of one model.</exception>
    public static MusicComparison Run(ComparedBundle reference, ComparedBundle other, IReadOnlyList<string> captions, int steps, ulong seed, CancellationToken cancellationToken)
    {
        MusicGenConfig config = reference.Music!.Config;
        MusicGenConfig others = other.Music!.Config;
        if ((config.VocabularySize, config.Layers, config.HiddenSize, config.Codebooks, config.IsMelody) != (others.VocabularySize, others.Layers, others.HiddenSize, others.Codebooks, others.IsMelody))
        {
            throw new ExportException(other.Bundle.Directory, $"'{other.Bundle.Directory}' and '{reference.Bundle.Directory}' hold MusicGens of different sizes. Compare two exports of one checkpoint.");
        }

        MusicComparison comparison = new(config.Codebooks);
        for (int i = 0; i < captions.Count; i++)
        {
            comparison.Run(reference, other, captions[i], Math.Min(steps, config.MaxPositions - 1), seed + (ulong)i, cancellationToken);
        }

        return comparison;
    }

    private void Run(ComparedBundle reference, ComparedBundle other, string caption, int steps, ulong seed, CancellationToken cancellationToken)
    {
        MusicGenConfig config = reference.Music!.Config;
        double scale = config.Defaults.GuidanceScale;
        using MusicGenProbe first = new(reference, caption, scale, steps, cancellationToken);
        using MusicGenProbe second = new(other, caption, scale, steps, cancellationToken);
        CodeChooser chooser = CodeChooser.Create(config, new MusicOptions(), seed, config.Codebooks);
        long[] column = new long[config.Codebooks];
        column.AsSpan().Fill(config.StartTokenId);
        for (int step = 0; step < steps; step++)
        {
            (float[] expected, IReadOnlyDictionary<string, float[]> stages) = first.Feed(column, cancellationToken);
            (float[] found, IReadOnlyDictionary<string, float[]> otherStages) = second.Feed(column, cancellationToken);
            foreach ((string stage, float[] values) in stages)
            {
                if (stage != "logits" && otherStages.TryGetValue(stage, out float[]? others))
                {
                    Layers.Add(stage, values, others);
                }
            }

            for (int k = 0; k < column.Length; k++)
            {
                // The delay pattern: column step + 1 of a codebook is padding up to the codebook's own delay.
                if (step < k / config.Channels)
                {
                    column[k] = config.PadTokenId;
                    continue;
                }

                ReadOnlySpan<float> logits = expected.AsSpan(k * config.VocabularySize, config.VocabularySize);
                Codebooks[k].Add(logits, found.AsSpan(k * config.VocabularySize, config.VocabularySize));
                column[k] = chooser.Choose(logits, k);
            }
        }
    }

    private sealed class MusicGenProbe : IDisposable
    {
        private readonly MusicGenConfig _config;
        private readonly MusicGenCondition _condition;
        private readonly CachedProbe _probe;
        private readonly double _scale;
        private long _position;

        public MusicGenProbe(ComparedBundle bundle, string caption, double scale, int steps, CancellationToken cancellationToken)
        {
            MusicGenDecoder music = bundle.Music!;
            _config = music.Config;
            _scale = scale;
            float[] chroma = _config.Chroma is { } form ? ChromaFeatures.None(form.ChromaLength, form.ChromaCount) : [];
            _condition = music.CreateCondition(music.Text.Encode(caption, paddedLength: null, cancellationToken), chroma, CodebookGenerator.IsGuided(scale), cancellationToken);
            KVCache cache = new(_config.Cache, _condition.Rows, _condition.PrefixLength + steps);
            _probe = new CachedProbe(bundle.Model(MusicGenConfig.DecoderComponent), cache, _condition.Rows);
        }

        /// <summary>Feeds a code a codebook and returns [codebooks, vocabulary] guided logits, and all outputs.</summary>
        public (float[] Logits, IReadOnlyDictionary<string, float[]> Stages) Feed(long[] column, CancellationToken cancellationToken)
        {
            bool isFirst = _position == 0;
            int prefix = isFirst ? _condition.PrefixLength : 0;
            using NativeTensor ids = NativeTensor.Of<long>([.. Enumerable.Repeat(column, _condition.Rows).SelectMany(row => row)], _condition.Rows, _config.Codebooks, 1);
            using NativeTensor positions = NativeTensor.Of<long>([.. Enumerable.Range(0, prefix + 1).Select(i => _position + i)], prefix + 1);
            using NativeTensor noPrefix = NativeTensor.Allocate<float>(_condition.Rows, 0, _config.HiddenSize);
            IReadOnlyDictionary<string, float[]> outputs = _probe.Feed(prefix + 1, run =>
            {
                run.BindInput("input_ids", ids);
                run.BindInput("position_ids", positions);
                if (_condition.Prefix is { } rows)
                {
                    run.BindInput("prefix", isFirst ? rows : noPrefix);
                }

                _condition.Bind(run);
            }, cancellationToken);
            _position += prefix + 1;
            float[] logits = outputs["logits"];
            int count = _config.Codebooks * _config.VocabularySize;
            if (!_condition.Guided)
            {
                return (logits, outputs);
            }

            float[] guided = new float[count];
            ClassifierFreeGuidance.Apply(logits.AsSpan(0, count), logits.AsSpan(count, count), (float)_scale, guided);
            return (guided, outputs);
        }

        public void Dispose()
        {
            _probe.Dispose();
            _condition.Dispose();
        }
    }
}
