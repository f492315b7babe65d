using M2UGen.Sdk.Media;

namespace M2UGen.Sdk.Pipeline;

/// <summary>How long the music of a request shall be, where the request leaves that to its media.</summary>
internal static class MusicLength
{
    /// <summary>Whether the request's own options say all that can be said of the length, before its media are decoded.</summary>
    public static bool IsKnown(M2UGenRequest request) =>
        request.Music.Duration is not null || request.Music.MaxNewTokens is not null
        || (request.Media.Audio is null && request.Media.Video is null && request.Media.LastMusic is null);

    /// <summary>
    /// The music's options with the length filled in: what was asked for, else the length of the sound that came in, else that of the film, else that of the
    /// conversation's last music; unchanged where there is none of them.
    /// </summary>
    public static MusicOptions Settle(MusicOptions music, LoadedMedia media, Fidelity fidelity)
    {
        if (music.MaxNewTokens is not null)
        {
            return music;
        }

        // Music that was carried over says how long its variation is, not how long the sound for a new film is.
        bool filmFirst = media.IsLastMusic && media.VideoDuration is not null;
        double? audio = filmFirst || media.Audio is not { } clip ? null : (double)clip.SampleCount / clip.SampleRate;
        TimeSpan? length = OutputLength.Choose(music.Duration, audio, media.VideoDuration?.TotalSeconds, fidelity.WholeSecondLengths);
        return length == music.Duration ? music : music with { Duration = length };
    }

    /// <summary>Refuses a length that followed from a medium and of which no music can be made; what was asked for has been checked already.</summary>
    /// <exception cref="ArgumentException">The length is zero, or beyond what a request may ask for.</exception>
    public static void ThrowIfImpossible(MusicOptions asked, MusicOptions settled)
    {
        if (asked.Duration is null && settled.Duration is { } length && (length <= TimeSpan.Zero || length > MusicOptions.MaxDuration))
        {
            throw new ArgumentException(
                string.Create(System.Globalization.CultureInfo.InvariantCulture, $"The music would follow the length of its input, which is {length.TotalSeconds:0.###} s; it must be above 0, up to {MusicOptions.MaxDuration.TotalSeconds:0} s. Set {nameof(MusicOptions)}.{nameof(MusicOptions.Duration)}."));
        }
    }
}
