namespace M2UGen.Sdk;

/// <summary>
/// Which habits of the released M2UGen programs are kept although a user would call them faults. Two presets, and every habit settable alone:
/// <c>Fidelity.Improved with { StopAtEndOfSequence = false }</c>.
/// </summary>
/// <remarks>docs/fidelity.md lists every habit with the reference's behaviour, ours and our reason. The record is immutable and thread-safe.</remarks>
public sealed record Fidelity
{
    /// <summary>What a user expects: the default of every pipeline.</summary>
    public static Fidelity Improved { get; } = new();

    /// <summary>What the released code (commit 2c702a4 and the libraries it pins) does, habit for habit; the goldens show it.</summary>
    public static Fidelity Reference { get; } = new()
    {
        StopAtEndOfSequence = false,
        KeepAudioTokensInCaption = true,
        RequireLastAudioTokenSetComplete = true,
        TrimToDuration = false,
        PadCaption = true,
        FailBeyondPositions = true,
        HearOnlyFirstMinute = true,
        AverageOneFrameOverStates = true,
        WholeSecondLengths = true,
        ConsecutiveVideoFrames = true,
        TrustVideoHeader = true,
        ApplyVideoRotation = false,
        ApplyImageOrientation = false,
        PaletteIndicesAsGrey = true,
        LastMusicReplacesAudio = true,
    };

    /// <summary>True: the language model's end-of-sequence token ends the answer. False: it is generated on and shows as <c>&lt;/s&gt;</c>.</summary>
    /// <value>Improved true; Reference false (generate() has no such test).</value>
    public bool StopAtEndOfSequence { get; init; } = true;

    /// <summary>True: the answer's text is cut at the first newline token, whatever follows it. False: at the stop sequence only, so answers may have several lines.</summary>
    /// <value>True in both presets: the training rows hold neither an end token nor a stop sequence, so what a model writes behind a newline is seldom meant.</value>
    public bool CutAnswerAtNewline { get; init; } = true;

    /// <summary>True: the caption that conditions the music holds the literal text "[AUD0] … [AUD7]". False: the caption is the answer as a reader sees it.</summary>
    /// <value>Improved false; Reference true (generate() hands the decoded answer on as it is).</value>
    public bool KeepAudioTokensInCaption { get; init; }

    /// <summary>
    /// True: an answer that begins a further set of music tokens and does not finish it makes no music. False: the last complete set counts.
    /// </summary>
    /// <value>Improved false; Reference true (its list of hidden states restarts at every awaited [AUD0]).</value>
    public bool RequireLastAudioTokenSetComplete { get; init; }

    /// <summary>True: music is exactly as long as asked. False: int(256 / 5 · seconds) new tokens, untrimmed, which is 10.18 s where 10 s were asked.</summary>
    /// <value>Improved true; Reference false.</value>
    public bool TrimToDuration { get; init; } = true;

    /// <summary>True: captions are padded to the bundle's full caption length (128 tokens as released). False: only the caption's own tokens are encoded.</summary>
    /// <value>Improved false (faster; the mask makes padding invisible except to melody models, and to AudioLDM2's GPT-2, which counts positions behind it); Reference true.</value>
    public bool PadCaption { get; init; }

    /// <summary>True: music longer than the decoder's stored position table is refused. False: it goes on with a sliding window.</summary>
    /// <value>Improved false; Reference true.</value>
    public bool FailBeyondPositions { get; init; }

    /// <summary>True: of audio shorter than an hour the first 60 s are heard, of longer audio a further minute for each hour. False: all of it, as the mean over windows of 60 s.</summary>
    /// <value>Improved false; Reference true (its loop over windows counts minutes where it means seconds). Both are equal where the audio has no more than 60 s.</value>
    public bool HearOnlyFirstMinute { get; init; }

    /// <summary>True: audio of a single frame (400 to 719 samples at 24 kHz) is averaged over the encoder's layers. False: each layer has its own mean, as for all other audio.</summary>
    /// <value>Improved false; Reference true (a squeeze() takes away the wrong axis).</value>
    public bool AverageOneFrameOverStates { get; init; }

    /// <summary>True: music that follows the length of a sound or film gets it in whole seconds, halves to the even number. False: exactly.</summary>
    /// <value>Improved false; Reference true (inference.py, get_audio_length and get_video_length).</value>
    public bool WholeSecondLengths { get; init; }

    /// <summary>True: of a film the encoder sees frames in a row from a random place, never the last. False: frames spread evenly over the whole film.</summary>
    /// <remarks>The place is drawn by numpy's generator; its seed is the answer's, folded to 32 bits (seeds below 2^32 mean what <c>np.random.seed</c> makes of them).</remarks>
    /// <value>Improved false; Reference true (sample_frame_indices).</value>
    public bool ConsecutiveVideoFrames { get; init; }

    /// <summary>True: a film has as many frames as its container's header says, where it says a number. False: as many as can be decoded.</summary>
    /// <value>Improved false; Reference true (PyAV's stream.frames).</value>
    public bool TrustVideoHeader { get; init; }

    /// <summary>True: the rotation that a film's metadata asks for is applied. False: frames are seen as they are stored.</summary>
    /// <value>Improved true; Reference false (PyAV hands out stored frames).</value>
    public bool ApplyVideoRotation { get; init; } = true;

    /// <summary>True: a picture is turned upright as its EXIF orientation says. False: it is seen as it is stored.</summary>
    /// <value>Improved true; Reference false (inference.py; the demo page does turn it). Pictures that the application decoded itself are seen as they are.</value>
    public bool ApplyImageOrientation { get; init; } = true;

    /// <summary>True: of a picture with a palette the indices are seen, as grey values. False: its colours.</summary>
    /// <value>Improved false; Reference true (inference.py has no convert('RGB'); the demo page does). A TIFF's palette always gives colours.</value>
    public bool PaletteIndicesAsGrey { get; init; }

    /// <summary>True: in a conversation the last music made is listened to even where the turn brings a sound of its own. False: the turn's own sound wins.</summary>
    /// <value>Improved false; Reference true (gradio_app.py, predict).</value>
    public bool LastMusicReplacesAudio { get; init; }
}
