namespace M2UGen.Sdk;

/// <summary>The language model answered without its eight music tokens, so there is nothing to make music from.</summary>
public sealed class MusicNotGeneratedException : M2UGenException
{
    /// <summary>Creates the exception with what the model said instead.</summary>
    public MusicNotGeneratedException(string answer)
        : base($"The model answered with text only, so no music was made: \"{answer}\". Ask for music in the prompt, or call RunAsync, which accepts either.") => Answer = answer;

    /// <summary>The model's answer text.</summary>
    public string Answer { get; }
}
