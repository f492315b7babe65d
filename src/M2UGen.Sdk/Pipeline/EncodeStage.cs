using M2UGen.Sdk.Encoders;

namespace M2UGen.Sdk.Pipeline;

/// <summary>From decoded media to the prefix of the language model; every item passes its encoder once.</summary>
/// <param name="encoders">The bundle's encoders.</param>
/// <param name="fidelity">Which habits of the reference are kept.</param>
/// <param name="release">Called behind every item: encoders are large and not needed together.</param>
/// <param name="report">Told of items done and the part of the next one; null if nobody looks.</param>
internal sealed class EncodeStage(IMediaEncoders encoders, Fidelity fidelity, Action release, Action<int, double>? report)
{
    private int _done;

    /// <summary>Encodes what there is, in the order of the prefix's layers: audio, image, video.</summary>
    /// <returns>[prefix layers, dim].</returns>
    public float[] Run(LoadedMedia media, KnnOptions? knn, CancellationToken cancellationToken)
    {
        float[]? audio = media.Audio is { } clip ? Item(() => encoders.EncodeAudio(clip, fidelity, WindowsDone, cancellationToken)) : null;
        float[]? image = media.Image is { } picture ? Item(() => encoders.EncodeImage(picture, cancellationToken)) : null;
        float[]? video = media.Frames is { } frames ? Item(() => encoders.EncodeVideo(frames, cancellationToken)) : null;
        float[] prefix = encoders.Prefix(new MediaFeatures { Audio = audio, Image = image, Video = video }, audio is null ? null : knn, cancellationToken);
        release();
        return prefix;

        float[] Item(Func<float[]> encode)
        {
            cancellationToken.ThrowIfCancellationRequested();
            float[] feature = encode();
            release();
            report?.Invoke(++_done, 0);
            return feature;
        }
    }

    private Action<int, int>? WindowsDone => report is null ? null : (done, windows) =>
    {
        // The last window is the item, which is reported when its encoder has been released.
        if (done < windows)
        {
            report(_done, (double)done / windows);
        }
    };
}
