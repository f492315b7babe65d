using M2UGen.Sdk.Media.Image;
using M2UGen.Sdk.Media.Video;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Pipeline;

/// <summary>Reads and decodes what a request brings, each item once, before the request waits for the device.</summary>
/// <param name="options">Limits of what is read.</param>
/// <param name="fidelity">Which habits of the reference are kept.</param>
/// <param name="seed">The request's seed, from which the reference's frame rule draws.</param>
internal sealed class MediaLoader(MediaOptions options, Fidelity fidelity, ulong seed)
{
    /// <summary>Decodes all items, one after the other: each decoder uses the machine's processors itself.</summary>
    /// <param name="media">The request's media.</param>
    /// <param name="frameCount">Frames that the video encoder takes.</param>
    /// <param name="decoded">Called behind every item.</param>
    /// <param name="cancellationToken">Stops reading and decoding.</param>
    /// <exception cref="MediaFormatException">An item is damaged, of an unknown kind, or beyond the limits.</exception>
    /// <exception cref="IOException">An item cannot be read.</exception>
    public async Task<LoadedMedia> LoadAsync(RequestMedia media, int frameCount, Func<ValueTask> decoded, CancellationToken cancellationToken)
    {
        LoadedMedia loaded = LoadedMedia.None;
        bool usesLastMusic = media.LastMusic is not null && (media.Audio is null || fidelity.LastMusicReplacesAudio);
        if (usesLastMusic)
        {
            loaded = loaded with { Audio = media.LastMusic, IsLastMusic = true };
            await decoded().ConfigureAwait(false);
        }
        else if (media.Audio is { } audio)
        {
            AudioClip clip = await audio.GetAsync(source => AudioClip.LoadAsync(source, options, cancellationToken)).ConfigureAwait(false);
            loaded = loaded with { Audio = clip };
            await decoded().ConfigureAwait(false);
        }

        if (media.Image is { } image)
        {
            loaded = loaded with { Image = await image.GetAsync(source => LoadImageAsync(source, cancellationToken)).ConfigureAwait(false) };
            await decoded().ConfigureAwait(false);
        }

        if (media.Video is { } video)
        {
            VideoClip clip = await video.GetAsync(source => VideoClip.OpenAsync(source, options, cancellationToken)).ConfigureAwait(false);
            loaded = loaded with { Frames = await ReadFramesAsync(clip, frameCount, cancellationToken).ConfigureAwait(false), VideoDuration = clip.Duration };
            await decoded().ConfigureAwait(false);
        }

        return loaded;
    }

    private Task<ImageFrame> LoadImageAsync(MediaSource source, CancellationToken cancellationToken)
    {
        ImageDecodeOptions decode = new() { ApplyOrientation = fidelity.ApplyImageOrientation, PaletteIndicesAsGrey = fidelity.PaletteIndicesAsGrey, Limits = options };
        return ImageFrame.LoadAsync(source, decode, cancellationToken);
    }

    private Task<IReadOnlyList<ImageFrame>> ReadFramesAsync(VideoClip clip, int count, CancellationToken cancellationToken) =>
        clip.ReadFramesAsync(ChooseFrames(clip, count), fidelity.ApplyVideoRotation, cancellationToken);

    private int[] ChooseFrames(VideoClip clip, int count)
    {
        // A header may claim frames that are not there, which nobody can show.
        int frames = fidelity.TrustVideoHeader && clip.HeaderFrameCount is > 0 and int header ? Math.Min(header, clip.FrameCount) : clip.FrameCount;
        return fidelity.ConsecutiveVideoFrames
            ? FrameSampler.ReferenceWindow(frames, count, RandomStreams.NumpySeed(seed))
            : FrameSampler.SpreadEvenly(frames, count);
    }
}
