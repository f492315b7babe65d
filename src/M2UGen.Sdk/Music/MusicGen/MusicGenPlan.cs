using System.Globalization;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>One pass of the decoder over its position table.</summary>
/// <param name="From">The frame of the music that is the pass's first.</param>
/// <param name="PromptFrames">Frames from there on whose codes are known already.</param>
/// <param name="NewTokens">Steps: new frames plus what the delay pattern needs to finish them.</param>
internal readonly record struct MusicGenWindow(int From, int PromptFrames, int NewTokens);

/// <summary>How long a piece becomes and in which passes it is made.</summary>
/// <remarks>
/// One pass gives prompt + new tokens - (codebooks a channel - 1) frames, or prompt + new tokens where that is too short for the delay pattern.
/// A pass may use as many positions as the checkpoint's table has rows. Longer music is made in further passes: each takes the last half of what a full pass
/// holds as its prompt, so the seam always has that much of the music before it in view, and positions start again at 0.
/// </remarks>
/// <param name="PromptFrames">Frames of the audio prompt.</param>
/// <param name="FrameCount">Frames of the whole piece, the prompt's included.</param>
/// <param name="SampleCount">Samples a channel of the result.</param>
/// <param name="Windows">The passes, in order.</param>
internal sealed record MusicGenPlan(int PromptFrames, int FrameCount, int SampleCount, IReadOnlyList<MusicGenWindow> Windows)
{
    /// <summary>Steps of all passes.</summary>
    public int Steps => Windows.Sum(window => window.NewTokens);

    /// <summary>Codes of a row that the longest pass feeds, its start included (its last codes are never fed).</summary>
    public int FedCodes => Windows.Max(window => window.PromptFrames + window.NewTokens);

    /// <summary>New tokens for a length in the reference, m2ugen.py, generate_music: max_new_tokens = int(256 / 5 * audio_length_in_s).</summary>
    public static int ReferenceTokens(double seconds) => (int)(256.0 / 5 * seconds);

    /// <summary>Plans a piece.</summary>
    /// <param name="config">The model's numbers.</param>
    /// <param name="options">Duration, or the number of steps.</param>
    /// <param name="fidelity">Trimming, and what happens beyond the position table.</param>
    /// <param name="promptFrames">Frames of the audio prompt.</param>
    /// <param name="prefixLength">Positions that a melody model's prefix takes.</param>
    /// <exception cref="ArgumentException">The length is shorter than the prompt, beyond the table where that is refused, or beyond what an array holds.</exception>
    public static MusicGenPlan Create(MusicGenConfig config, MusicOptions options, Fidelity fidelity, int promptFrames, int prefixLength)
    {
        int spread = config.CodebooksPerChannel - 1;
        int samplesPerFrame = config.Codec.SamplesPerFrame;
        TimeSpan duration = options.Duration ?? MusicOptions.DefaultDuration;
        if (options.MaxNewTokens is { } tokens)
        {
            return FromTokens(tokens, nameof(MusicOptions.MaxNewTokens));
        }

        if (!fidelity.TrimToDuration)
        {
            return FromTokens(ReferenceTokens(duration.TotalSeconds), nameof(MusicOptions.Duration));
        }

        long samples = Math.Max(1, (long)Math.Round((decimal)duration.Ticks * config.Codec.SampleRate / TimeSpan.TicksPerSecond, MidpointRounding.AwayFromZero));
        if (options.Duration is null)
        {
            samples += (long)promptFrames * samplesPerFrame;
        }

        long frames = (samples + samplesPerFrame - 1) / samplesPerFrame;
        if (frames <= promptFrames)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"The audio prompt alone lasts {(double)promptFrames * samplesPerFrame / config.Codec.SampleRate:0.###} s and the music shall last {duration.TotalSeconds:0.###} s, prompt included. Ask for a longer MusicOptions.Duration, or shorten the prompt."), nameof(options));
        }

        // Fewer frames than codebooks do not fill a delay pattern: a few more are made and cut off.
        long made = Math.Max(frames, Math.Max(1, spread));
        CheckSize(made);
        return new MusicGenPlan(promptFrames, (int)made, (int)samples, Passes((int)made, (int)(made - promptFrames) + spread, nameof(MusicOptions.Duration)));

        MusicGenPlan FromTokens(int newTokens, string option)
        {
            if (newTokens < 1)
            {
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"MusicOptions.Duration of {duration.TotalSeconds:0.######} s is less than one step of the decoder. Ask for a longer duration."), nameof(options));
            }

            long made = DelayApplies((long)1 + promptFrames + newTokens) ? (long)promptFrames + newTokens - spread : (long)promptFrames + newTokens;
            if (made < promptFrames)
            {
                throw new ArgumentException($"MusicOptions.MaxNewTokens is {newTokens}; going on from an audio prompt takes {spread} steps before the first new frame is whole. Ask for more than that.", nameof(options));
            }

            CheckSize(made);
            return new MusicGenPlan(promptFrames, (int)made, (int)made * samplesPerFrame, Passes((int)made, newTokens, option));
        }

        bool DelayApplies(long length) => length >= (2 * spread) + 1;

        void CheckSize(long made)
        {
            if (made * samplesPerFrame * config.Channels > Array.MaxLength)
            {
                throw new ArgumentException($"{made} frames are more sound than one result can hold. Ask for shorter music and go on from it with an audio prompt.", nameof(options));
            }
        }

        MusicGenWindow[] Passes(int frameCount, int newTokens, string option)
        {
            // The last code of a row is chosen but never fed, so it needs no position.
            int longest = config.MaxPositions - prefixLength + 1;
            if (1 + promptFrames + newTokens <= longest)
            {
                return [new MusicGenWindow(0, promptFrames, newTokens)];
            }

            int perPass = longest - (spread + 1);
            if (fidelity.FailBeyondPositions)
            {
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"MusicOptions.{option} asks for {1 + promptFrames + newTokens + prefixLength} positions; the decoder's table has {config.MaxPositions}, which is {Math.Max(0, perPass) * (double)samplesPerFrame / config.Codec.SampleRate:0.##} s of music. Ask for less, or switch Fidelity.FailBeyondPositions off to go on with a sliding window."), nameof(options));
            }

            int kept = perPass / 2;
            if (kept <= spread)
            {
                throw new ArgumentException($"The decoder's table has {config.MaxPositions} positions, {prefixLength} of which the conditioning takes: too few for music in several passes. Shorten the caption or the music.", nameof(options));
            }

            List<MusicGenWindow> windows = [];
            int done = promptFrames;
            while (done < frameCount)
            {
                int prompt = windows.Count == 0 && done < perPass ? done : kept;
                int fresh = Math.Min(perPass - prompt, frameCount - done);
                windows.Add(new MusicGenWindow(done - prompt, prompt, fresh + spread));
                done += fresh;
            }

            return [.. windows];
        }
    }
}
