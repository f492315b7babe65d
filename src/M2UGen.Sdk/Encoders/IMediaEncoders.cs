namespace M2UGen.Sdk.Encoders;

/// <summary>What the request's stages need of a bundle's encoders. Thread-safe.</summary>
internal interface IMediaEncoders
{
    /// <summary>Whether there is an encoder and an adapter for sound.</summary>
    bool HearsAudio { get; }

    /// <summary>Whether there is an encoder and an adapter for pictures.</summary>
    bool SeesImages { get; }

    /// <summary>Whether there is an encoder and an adapter for films.</summary>
    bool SeesVideo { get; }

    /// <summary>Whether the bundle has a collection of features to mix with.</summary>
    bool HasKnn { get; }

    /// <summary>Frames that <see cref="EncodeVideo"/> takes.</summary>
    int VideoFrameCount { get; }

    /// <summary>Sound to its normalised feature [width].</summary>
    /// <param name="clip">Any rate and number of channels.</param>
    /// <param name="fidelity">Which habits of the reference are kept.</param>
    /// <param name="progress">Called with (windows done, windows); null if nobody looks.</param>
    /// <param name="cancellationToken">Stops the model call in flight.</param>
    float[] EncodeAudio(AudioClip clip, Fidelity fidelity, Action<int, int>? progress, CancellationToken cancellationToken);

    /// <summary>A picture to its normalised feature [width].</summary>
    float[] EncodeImage(ImageFrame image, CancellationToken cancellationToken);

    /// <summary>Frames to their normalised feature [width].</summary>
    float[] EncodeVideo(IReadOnlyList<ImageFrame> frames, CancellationToken cancellationToken);

    /// <summary>[prefix layers, dim] what the gated prefix adds; a modality without a feature keeps the bundle's constant rows.</summary>
    float[] Prefix(MediaFeatures features, KnnOptions? knn, CancellationToken cancellationToken);
}
