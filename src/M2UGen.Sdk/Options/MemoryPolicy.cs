namespace M2UGen.Sdk;

/// <summary>How long a pipeline keeps a component's weights after their first use.</summary>
public enum MemoryPolicy
{
    /// <summary>Until the pipeline is disposed: every request after the first starts at once.</summary>
    KeepLoaded = 0,

    /// <summary>Until the next stage of the request begins: the peak is the largest stage's, and every request loads anew.</summary>
    OneStageAtATime = 1,
}
