using M2UGen.Sdk;

namespace M2UGen.Cli;

/// <summary>What is said of an exception: one clear sentence for whatever a user can cause, all there is for anything else.</summary>
/// <param name="Code">A value of <see cref="ExitCode"/>.</param>
/// <param name="Kind">A word for programs that read JSON.</param>
/// <param name="Message">For people.</param>
internal sealed record Failure(int Code, string Kind, string Message)
{
    /// <summary>Describes an exception.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="cancellationToken">Whether the user stopped the command.</param>
    public static Failure Of(Exception e, CancellationToken cancellationToken) => e switch
    {
        OperationCanceledException when cancellationToken.IsCancellationRequested => new(ExitCode.Cancelled, "cancelled", "Cancelled."),
        ArgumentException argument => new(ExitCode.Usage, "usage", WithoutParameterName(argument)),
        _ when IsExpected(e) => new(ExitCode.Failure, e.GetType().Name, e.Message),
        _ => new(ExitCode.Failure, e.GetType().Name, $"Unexpected: {e}"),
    };

    /// <summary>Whether a user, a file or the machine can be the cause, so that the message says all there is to know.</summary>
    public static bool IsExpected(Exception e) =>
        e is ArgumentException or M2UGenException or IOException or UnauthorizedAccessException or NotSupportedException or FormatException;

    /// <summary>The framework appends "(Parameter 'name')" and the value, which mean nothing on a command line.</summary>
    private static string WithoutParameterName(ArgumentException e)
    {
        int end = e.ParamName is null ? -1 : e.Message.IndexOf($" (Parameter '{e.ParamName}')", StringComparison.Ordinal);
        return end < 0 ? e.Message : e.Message[..end];
    }
}
