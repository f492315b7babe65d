using Microsoft.Extensions.Logging;

namespace M2UGen.Sdk.Diagnostics;

/// <summary>Every message this library logs. Prompts and answers appear at Trace only.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Opened bundle {Bundle} of family {Family} ({Hash}) on {Provider}.")]
    public static partial void BundleOpened(ILogger logger, string bundle, string family, string hash, string provider);

    [LoggerMessage(2, LogLevel.Debug, "Component {Component} loaded in {Milliseconds} ms.")]
    public static partial void ComponentLoaded(ILogger logger, string component, long milliseconds);

    [LoggerMessage(3, LogLevel.Debug, "Request started with seeds {Seed} (answer) and {MusicSeed} (music).")]
    public static partial void RequestStarted(ILogger logger, ulong seed, ulong musicSeed);

    [LoggerMessage(4, LogLevel.Trace, "Prompt: {Prompt}")]
    public static partial void Prompt(ILogger logger, string prompt);

    [LoggerMessage(5, LogLevel.Debug, "Answer of {Tokens} tokens after a prompt of {PromptTokens} ({ReusedTokens} of them read already), in {Milliseconds} ms ({Reason}).")]
    public static partial void Answered(ILogger logger, int tokens, int promptTokens, int reusedTokens, long milliseconds, StopReason reason);

    [LoggerMessage(6, LogLevel.Trace, "Answer: {Answer}")]
    public static partial void Answer(ILogger logger, string answer);

    [LoggerMessage(7, LogLevel.Debug, "Music of {Seconds:F2} s made in {Milliseconds} ms ({Steps} steps).")]
    public static partial void MusicMade(ILogger logger, double seconds, long milliseconds, int steps);

    [LoggerMessage(8, LogLevel.Information, "The model asked for music, but the bundle of family {Family} has no music decoder: the answer is returned alone.")]
    public static partial void MusicLeftOut(ILogger logger, string family);

    [LoggerMessage(9, LogLevel.Debug, "Read and decoded {Count} media in {Milliseconds} ms.")]
    public static partial void MediaLoaded(ILogger logger, int count, long milliseconds);

    [LoggerMessage(10, LogLevel.Debug, "Encoded {Count} media in {Milliseconds} ms.")]
    public static partial void Encoded(ILogger logger, int count, long milliseconds);

    [LoggerMessage(11, LogLevel.Debug, "{Count} pieces of music, {Seconds:F2} s together, made in {Milliseconds} ms.")]
    public static partial void BatchMade(ILogger logger, int count, double seconds, long milliseconds);
}
