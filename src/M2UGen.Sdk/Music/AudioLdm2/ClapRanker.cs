using System.Numerics.Tensors;
using M2UGen.Sdk.Media.Audio;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>How well candidates fit a text: the cosine between CLAP's embeddings (reference pipeline_audioldm2.py, score_waveforms). Thread-safe.</summary>
/// <remarks>
/// A clip longer than CLAP hears is judged by a piece that the request's seed chooses. Texts longer than CLAP reads are cut; the reference fails there.
/// </remarks>
internal sealed class ClapRanker : IWaveformScorer
{
    private readonly ClapTextEncoder _text;
    private readonly ClapAudioEncoder _audio;
    private readonly ClapFeatureExtractor _extractor;

    /// <summary>Puts it together.</summary>
    /// <param name="text">The text tower.</param>
    /// <param name="audio">The audio tower.</param>
    /// <param name="extractor">Makes its spectrograms.</param>
    public ClapRanker(ClapTextEncoder text, ClapAudioEncoder audio, ClapFeatureExtractor extractor)
    {
        _text = text;
        _audio = audio;
        _extractor = extractor;
    }

    /// <summary>Reads what is small; graphs load at their first use. Null: the bundle has no audio tower.</summary>
    /// <exception cref="ModelBundleException">A number is missing or out of range, or the parts do not fit together.</exception>
    public static ClapRanker? Open(ModelBundle bundle, ModelSet models, ClapTextEncoder text)
    {
        if (!bundle.Manifest.Components.ContainsKey(ClapAudioEncoder.Component))
        {
            return null;
        }

        ClapAudioConfig audio = ClapAudioConfig.From(bundle);
        ClapFeatureConfig features = ClapFeatureConfig.From(bundle);
        return audio.Width == text.Config.Width && audio.Channels == features.Channels && audio.MelBins == features.MelBins && features.Frames <= audio.MaxFrames
            ? new ClapRanker(text, new ClapAudioEncoder(models, audio), new ClapFeatureExtractor(features))
            : throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}': CLAP's audio tower takes {audio.Channels} spectrograms of at most {audio.MaxFrames} frames and {audio.MelBins} bins and gives {audio.Width} values; its preprocessing makes {features.Channels} of {features.Frames} and {features.MelBins}, and its text tower gives {text.Config.Width}. Export the bundle again from one directory.");
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Components => [ClapTextEncoder.Component, ClapAudioEncoder.Component];

    /// <inheritdoc/>
    public double[] Score(string caption, IReadOnlyList<float[]> waveforms, int sampleRate, ulong seed, CancellationToken cancellationToken)
    {
        float[] wanted = _text.Encode(caption, cancellationToken);
        KaiserResampler resampler = new(sampleRate, _extractor.Config.SampleRate);
        double[] scores = new double[waveforms.Count];
        for (int i = 0; i < scores.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            scores[i] = TensorPrimitives.Dot<float>(wanted, Embed(resampler.Resample(waveforms[i]), ClapDraws.Seeded(seed, i), cancellationToken));
        }

        return scores;
    }

    /// <summary>A clip's embedding, of length one.</summary>
    /// <param name="samples">Mono at the extractor's rate.</param>
    /// <param name="draw">Chooses the piece of a long clip.</param>
    /// <param name="cancellationToken">Stops the call.</param>
    public float[] Embed(ReadOnlySpan<float> samples, ClapDraw draw, CancellationToken cancellationToken)
    {
        ClapFeatures features = _extractor.Extract(samples, draw);
        return _audio.Encode(features, ClapFeatureExtractor.FlagLonger([features], draw)[0], cancellationToken);
    }
}
