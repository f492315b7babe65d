using System.Globalization;
using System.Numerics.Tensors;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Encoders.Mert;

/// <summary>Sound to MERT's feature with M2UGen's learnt aggregation.</summary>
/// <remarks>
/// <code>
/// clip ── window of 60 s ── 24 kHz per channel ── mean of the channels ── normalised ── graph ── · share ─┐
///      └─ next window …                                                                                   + ── feature [H]
/// </code>
/// The aggregation is a sum over the states' means with one bias, so the mean of the windows' features is the feature of the mean over the windows' states,
/// which is what the reference takes. Memory is that of one window, however long the clip. Thread-safe.
/// Source: reference m2ugen.py, encode_audio.
/// </remarks>
internal sealed class MertEncoder
{
    /// <summary>The component's name in a bundle.</summary>
    public const string Component = "mert";

    private readonly ModelSet _models;
    private readonly MertPreprocessor _preprocessor;
    private readonly int _minSamples;
    private readonly int _maxSamplesOfOneFrame;

    private MertEncoder(ModelBundle bundle, ModelSet models)
    {
        _models = models;
        _preprocessor = MertPreprocessor.From(EncoderParts.Preprocessing(bundle, Component), bundle.Directory);
        ComponentNumbers numbers = new(bundle, Component);
        _minSamples = numbers.Required("min_samples");
        _maxSamplesOfOneFrame = numbers.Required("max_samples_of_one_frame", _minSamples);
        Width = EncoderParts.WidthOf(bundle, Component);
    }

    /// <summary>H: values of the feature.</summary>
    public int Width { get; }

    /// <summary>The rate that MERT hears, in Hz.</summary>
    public int SampleRate => _preprocessor.SampleRate;

    /// <summary>Reads what is small; null where the bundle has no MERT.</summary>
    /// <exception cref="M2UGenException">A number is missing or makes no sense.</exception>
    public static MertEncoder? Open(ModelBundle bundle, ModelSet models) => bundle.Manifest.Components.ContainsKey(Component) ? new MertEncoder(bundle, models) : null;

    /// <summary>The aggregated feature, not yet of length one.</summary>
    /// <param name="clip">Any rate and channels.</param>
    /// <param name="fidelity">Which habits of the reference are kept.</param>
    /// <param name="progress">Told of windows done and all windows; null if nobody looks.</param>
    /// <param name="cancellationToken">Looked at between windows and inside a window's run.</param>
    /// <returns>[<see cref="Width"/>].</returns>
    /// <exception cref="MediaFormatException">The clip is shorter than one frame of MERT, or holds values that are no finite numbers.</exception>
    public float[] Encode(AudioClip clip, Fidelity fidelity, Action<int, int>? progress, CancellationToken cancellationToken)
    {
        WindowReader reader = new(clip, SampleRate);
        if (reader.Length < _minSamples)
        {
            throw new MediaFormatException(null, string.Create(
                CultureInfo.InvariantCulture,
                $"The audio is too short to be heard: it has {reader.Length} samples at {SampleRate} Hz, and the encoder needs at least {_minSamples} ({1000.0 * _minSamples / SampleRate:0.#} ms). Give a longer piece."));
        }

        AudioWindow[] windows = fidelity.HearOnlyFirstMinute ? AudioWindow.CoverAsReference(reader.Length, SampleRate) : AudioWindow.Cover(reader.Length, SampleRate);
        return Encode(reader, windows, fidelity, progress, cancellationToken);
    }

    /// <summary>The mean of the windows' features, each by its share.</summary>
    internal float[] Encode(WindowReader reader, ReadOnlySpan<AudioWindow> windows, Fidelity fidelity, Action<int, int>? progress, CancellationToken cancellationToken)
    {
        float[] feature = [];
        double[] sum = new double[Width];
        using IModelRun run = _models.Get(Component).CreateRun();
        for (int i = 0; i < windows.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            feature = EncodeWindow(run, reader, windows[i], fidelity, cancellationToken);
            for (int j = 0; j < sum.Length; j++)
            {
                sum[j] += windows[i].Share * feature[j];
            }

            progress?.Invoke(i + 1, windows.Length);
        }

        return windows.Length == 1 ? feature : Array.ConvertAll(sum, value => (float)value);
    }

    private float[] EncodeWindow(IModelRun run, WindowReader reader, AudioWindow window, Fidelity fidelity, CancellationToken cancellationToken)
    {
        using NativeTensor input = NativeTensor.Allocate<float>(1, window.Length);
        Span<float> samples = input.AsSpan<float>();
        reader.Read(window.Start, samples);
        if (!float.IsFinite(TensorPrimitives.SumOfMagnitudes<float>(samples)))
        {
            throw new MediaFormatException(null, "The audio holds samples that are not finite numbers. Write the file again, or mend the samples.");
        }

        _preprocessor.Prepare(samples, samples);

        // With a single frame the reference's squeeze() takes away the time axis, and its mean runs over the states (docs/fidelity.md).
        string output = fidelity.AverageOneFrameOverStates && window.Length <= _maxSamplesOfOneFrame ? "feature_over_states" : EncoderParts.Feature;
        return EncoderParts.Run(run, "input_values", input, output, cancellationToken);
    }
}
