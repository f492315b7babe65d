using M2UGen.Sdk.Encoders.Adapters;
using M2UGen.Sdk.Encoders.Mert;
using M2UGen.Sdk.Encoders.Vit;
using M2UGen.Sdk.Encoders.Vivit;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Encoders;

/// <summary>The senses of a bundle: media to features, and features to the prefix that the language model takes.</summary>
/// <remarks>
/// <code>
/// audio ── MERT ── length 1 ─ (kNN) ── prefix-audio ── rows 0 .. P/3-1 ─┐
/// image ── ViT ─── length 1 ────────── prefix-image ── rows P/3 .. ─────┼── prefix [P, dim] ── llama
/// video ── ViViT ─ length 1 ────────── prefix-video ── rows 2P/3 .. ────┘
/// </code>
/// Rows of a medium that is not given stay the bundle's constant. A sense is there where the bundle has both its encoder and its prefix graph; graphs load at their
/// first use, so a request of text alone loads none. Thread-safe; <see cref="Dispose"/> must come after the last call.
/// </remarks>
internal sealed class MediaEncoders : IMediaEncoders, IDisposable
{
    /// <summary>The prefix graph of audio.</summary>
    public const string AudioPrefix = "prefix-audio";

    /// <summary>The prefix graph of images.</summary>
    public const string ImagePrefix = "prefix-image";

    /// <summary>The prefix graph of video.</summary>
    public const string VideoPrefix = "prefix-video";

    private readonly float[] _textPrefix;
    private readonly KnnCache _knn;
    private readonly MertEncoder? _mert;
    private readonly VitEncoder? _vit;
    private readonly VivitEncoder? _vivit;
    private readonly UnderstandingAdapter? _audio;
    private readonly UnderstandingAdapter? _image;
    private readonly UnderstandingAdapter? _video;

    private MediaEncoders(ModelBundle bundle, ModelSet models)
    {
        _textPrefix = bundle.ReadTensor(LanguageModel.TextPrefix);
        _knn = new KnnCache(bundle);
        if (Has(bundle, MertEncoder.Component, AudioPrefix))
        {
            _mert = MertEncoder.Open(bundle, models);
            _audio = OpenAdapter(bundle, models, AudioPrefix, _mert!.Width);
        }

        if (Has(bundle, VitEncoder.Component, ImagePrefix))
        {
            _vit = VitEncoder.Open(bundle, models);
            _image = OpenAdapter(bundle, models, ImagePrefix, _vit!.Width);
        }

        if (Has(bundle, VivitEncoder.Component, VideoPrefix))
        {
            _vivit = VivitEncoder.Open(bundle, models);
            _video = OpenAdapter(bundle, models, VideoPrefix, _vivit!.Width);
        }
    }

    /// <summary>Whether audio can be encoded.</summary>
    public bool HearsAudio => _mert is not null;

    /// <summary>Whether pictures can be encoded.</summary>
    public bool SeesImages => _vit is not null;

    /// <summary>Whether films can be encoded.</summary>
    public bool SeesVideo => _vivit is not null;

    /// <summary>Frames of a film that are seen at once; 0 where films cannot be encoded.</summary>
    public int VideoFrameCount => _vivit?.FrameCount ?? 0;

    /// <summary>Whether the bundle has a kNN index of its own.</summary>
    public bool HasKnn => _knn.HasOwnIndex;

    /// <summary>MERT, or null; its features are not yet of length one.</summary>
    internal MertEncoder? Mert => _mert;

    /// <summary>ViT, or null.</summary>
    internal VitEncoder? Vit => _vit;

    /// <summary>ViViT, or null.</summary>
    internal VivitEncoder? Vivit => _vivit;

    /// <summary>Reads what is small. Null: the bundle has no senses.</summary>
    /// <exception cref="M2UGenException">A part is damaged, or does not fit the others.</exception>
    public static MediaEncoders? Open(ModelBundle bundle, ModelSet models) =>
        Has(bundle, MertEncoder.Component, AudioPrefix) || Has(bundle, VitEncoder.Component, ImagePrefix) || Has(bundle, VivitEncoder.Component, VideoPrefix)
            ? new MediaEncoders(bundle, models)
            : null;

    /// <summary>Sound to its feature.</summary>
    /// <param name="clip">Any rate, channels and length.</param>
    /// <param name="fidelity">Which habits of the reference are kept.</param>
    /// <param name="progress">Told of windows done and all windows; null if nobody looks.</param>
    /// <param name="cancellationToken">Looked at between windows and inside a window's run.</param>
    /// <returns>[H], of length 1/(1+1e-6).</returns>
    /// <exception cref="MediaFormatException">The clip is too short, or holds values that are no finite numbers.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no such encoder.</exception>
    public float[] EncodeAudio(AudioClip clip, Fidelity fidelity, Action<int, int>? progress, CancellationToken cancellationToken) =>
        KnnMixer.Normalize((_mert ?? throw Missing("audio", "--mert_path")).Encode(clip, fidelity, progress, cancellationToken));

    /// <summary>A picture to its feature.</summary>
    /// <param name="image">Any size.</param>
    /// <param name="cancellationToken">Looked at inside the run.</param>
    /// <returns>[H], of length 1/(1+1e-6).</returns>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no such encoder.</exception>
    public float[] EncodeImage(ImageFrame image, CancellationToken cancellationToken) =>
        KnnMixer.Normalize((_vit ?? throw Missing("images", "--vit_path")).Encode(image, cancellationToken));

    /// <summary>A film's frames to their feature.</summary>
    /// <param name="frames"><see cref="VideoFrameCount"/> frames in the film's order.</param>
    /// <param name="cancellationToken">Looked at between frames and inside the run.</param>
    /// <returns>[H], of length 1/(1+1e-6).</returns>
    /// <exception cref="ArgumentException">There are fewer frames, or more.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle has no such encoder.</exception>
    public float[] EncodeVideo(IReadOnlyList<ImageFrame> frames, CancellationToken cancellationToken) =>
        KnnMixer.Normalize((_vivit ?? throw Missing("video", "--vivit_path")).Encode(frames, cancellationToken));

    /// <summary>The rows that the language model takes.</summary>
    /// <param name="features">What the media became.</param>
    /// <param name="knn">Mixes the audio's feature with its neighbours; null: off.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>[P, dim] for <see cref="LanguageInput.Prefix"/>.</returns>
    /// <exception cref="ArgumentException">A feature has another width, or an option of <paramref name="knn"/> is out of range.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle lacks the prefix graph of a feature, or the index that is asked for.</exception>
    /// <exception cref="ModelBundleException">The index cannot be used.</exception>
    public float[] Prefix(MediaFeatures features, KnnOptions? knn, CancellationToken cancellationToken)
    {
        float[] prefix = (float[])_textPrefix.Clone();
        if (features.Audio is { } audio)
        {
            float[] heard = knn is null ? audio : _knn.Mix(audio, knn, cancellationToken);
            Place(_audio ?? throw Missing("audio", "--mert_path"), heard, 0, prefix, cancellationToken);
        }

        if (features.Image is { } image)
        {
            Place(_image ?? throw Missing("images", "--vit_path"), image, 1, prefix, cancellationToken);
        }

        if (features.Video is { } video)
        {
            Place(_video ?? throw Missing("video", "--vivit_path"), video, 2, prefix, cancellationToken);
        }

        return prefix;
    }

    /// <summary>Closes the index.</summary>
    public void Dispose() => _knn.Dispose();

    private static bool Has(ModelBundle bundle, string encoder, string prefix) =>
        bundle.Manifest.Components.ContainsKey(encoder) && bundle.Manifest.Components.ContainsKey(prefix);

    private static void Place(UnderstandingAdapter adapter, float[] feature, int medium, float[] prefix, CancellationToken cancellationToken)
    {
        float[] rows = adapter.Adapt(feature, cancellationToken);
        rows.CopyTo(prefix, medium * rows.Length);
    }

    private UnderstandingAdapter OpenAdapter(ModelBundle bundle, ModelSet models, string component, int width)
    {
        UnderstandingAdapter adapter = UnderstandingAdapter.Open(bundle, models, component);
        return adapter.Width == width && 3L * adapter.Rows * adapter.Dim == _textPrefix.Length
            ? adapter
            : throw new ModelBundleException(bundle.Directory, $"Component '{component}' of bundle '{bundle.Directory}' makes [{adapter.Rows}, {adapter.Dim}] of a feature of {adapter.Width} values; the encoder gives {width}, and the language model takes three times as many rows as the component gives, {_textPrefix.Length} numbers in all. Export the bundle again.");
    }

    private static UnsupportedCapabilityException Missing(string medium, string option) =>
        new(medium, $"The bundle has no encoder for {medium}. Export it with the encoder's directory ({option}).");
}
