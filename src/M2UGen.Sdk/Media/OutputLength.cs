namespace M2UGen.Sdk.Media;

/// <summary>How long the music becomes where the request brings sound or a film.</summary>
/// <remarks>
/// What is asked for wins; else music is as long as the sound that came in; else as long as the film. With none of them the caller's default holds
/// (the reference's inference.py starts from 30 s). Source: reference inference.py, predict, get_audio_length and get_video_length.
/// </remarks>
internal static class OutputLength
{
    /// <summary>The length that an input gives, or that was asked for.</summary>
    /// <param name="asked">The request's own length.</param>
    /// <param name="audioSeconds">Length of the sound that came in, as its file has it; null for none.</param>
    /// <param name="videoSeconds">Length of the film's container, so a longer sound track counts; null for none.</param>
    /// <param name="wholeSeconds">True: inputs count in whole seconds, as the reference has it. False: exactly.</param>
    /// <returns>Null where nothing says a length. Zero for an input under half a second in whole seconds, of which no music can be made.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A length is negative, not a number, or beyond what a time span holds.</exception>
    public static TimeSpan? Choose(TimeSpan? asked, double? audioSeconds, double? videoSeconds, bool wholeSeconds)
    {
        if (asked is not null || (audioSeconds ?? videoSeconds) is not { } seconds)
        {
            return asked;
        }

        string name = audioSeconds is null ? nameof(videoSeconds) : nameof(audioSeconds);
        return TimeSpan.FromSeconds(wholeSeconds ? WholeSeconds(seconds, name) : Checked(seconds, name));
    }

    /// <summary>The reference's length of a file: Python's round, which takes halves to the even number (0.5 gives 0, 1.5 and 2.5 give 2).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative, not a number, or beyond what a time span holds.</exception>
    public static int WholeSeconds(double seconds) => WholeSeconds(seconds, nameof(seconds));

    private static int WholeSeconds(double seconds, string name) => (int)Math.Round(Checked(seconds, name), MidpointRounding.ToEven);

    private static double Checked(double seconds, string name) => seconds is >= 0 and < int.MaxValue
        ? seconds
        : throw new ArgumentOutOfRangeException(name, seconds, "Expected a length in seconds, from 0 to 68 years.");
}
