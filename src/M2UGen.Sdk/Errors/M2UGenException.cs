namespace M2UGen.Sdk;

/// <summary>Base of every failure that this library reports about files, models and inference.</summary>
/// <remarks>Mistakes of the caller are the standard <see cref="ArgumentException"/> family; cancellation is always <see cref="OperationCanceledException"/>.</remarks>
public class M2UGenException : Exception
{
    /// <summary>Creates the exception with a message of the form: what failed and where; expected against found; what to do.</summary>
    public M2UGenException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
