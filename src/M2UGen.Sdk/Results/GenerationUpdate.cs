namespace M2UGen.Sdk;

/// <summary>
/// One event of a running request. The set is closed: <see cref="TextDelta"/>, <see cref="AudioChunk"/>, <see cref="StageProgress"/>, where asked for <see cref="LatentPreview"/>
/// and, last of all, <see cref="GenerationCompleted"/>.
/// </summary>
public abstract record GenerationUpdate
{
    private protected GenerationUpdate()
    {
    }
}

/// <summary>A further piece of the answer, as a reader shall see it: whole characters, without the text of the music tokens.</summary>
/// <param name="Text">Never empty. All pieces joined are the answer's <see cref="AnswerResult.Text"/>.</param>
public sealed record TextDelta(string Text) : GenerationUpdate;

/// <summary>A further piece of the music, in order and without gaps: all pieces joined are the result's samples.</summary>
/// <param name="Samples">Interleaved float samples, nominally in [-1, 1], not clipped; the memory is the receiver's.</param>
/// <param name="SampleRate">Frames a second, in Hz.</param>
/// <param name="Channels">1 mono, 2 stereo (left first).</param>
/// <param name="Position">Where the piece starts in the music.</param>
public sealed record AudioChunk(ReadOnlyMemory<float> Samples, int SampleRate, int Channels, TimeSpan Position) : GenerationUpdate;

/// <summary>How far a stage has come.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Completed">Steps done: hundredths of a medium of the encode stage, tokens of the language stage, decoder steps of the music stage, frames of the decode stage.</param>
/// <param name="Total">Steps at most; the language stage usually stops earlier.</param>
public sealed record StageProgress(GenerationStage Stage, long Completed, long Total) : GenerationUpdate
{
    /// <summary>The part of the stage that is done, from 0 to 1.</summary>
    public double Fraction => Total <= 0 ? 1 : Math.Clamp((double)Completed / Total, 0, 1);
}

/// <summary>Unfinished latents of a diffusion decoder, for those who want to watch. Sent only where <see cref="DiffusionOptions.PreviewInterval"/> asks for it.</summary>
/// <param name="Candidate">Which of the request's pieces, from 0.</param>
/// <param name="Step">Model calls done for this piece.</param>
/// <param name="Latents">[channels, time, frequency]; the memory is the receiver's.</param>
/// <param name="Channels">First dimension.</param>
/// <param name="Height">Second dimension: time.</param>
/// <param name="Width">Third dimension: frequency.</param>
public sealed record LatentPreview(int Candidate, int Step, ReadOnlyMemory<float> Latents, int Channels, int Height, int Width) : GenerationUpdate;

/// <summary>The request is done; nothing follows.</summary>
/// <param name="Result">What the awaited call would have returned.</param>
public sealed record GenerationCompleted(M2UGenResult Result) : GenerationUpdate;
