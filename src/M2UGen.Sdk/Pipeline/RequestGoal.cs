namespace M2UGen.Sdk.Pipeline;

/// <summary>What the caller of a request waits for.</summary>
internal enum RequestGoal
{
    /// <summary>The answer, and music if the model asks for it.</summary>
    Either = 0,

    /// <summary>The answer alone: the music stage is left out.</summary>
    Answer = 1,

    /// <summary>Music: an answer without it is a failure.</summary>
    Music = 2,
}
