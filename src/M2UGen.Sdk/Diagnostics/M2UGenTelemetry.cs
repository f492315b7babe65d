using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace M2UGen.Sdk;

/// <summary>Names of the traces and measurements that this library gives to OpenTelemetry and other listeners. They hold no prompts.</summary>
public static class M2UGenTelemetry
{
    /// <summary>Name of the activity source and of the meter.</summary>
    public const string SourceName = "M2UGen.Sdk";

    internal static ActivitySource Activities { get; } = new(SourceName);

    private static Meter Measurements { get; } = new(SourceName);

    internal static Counter<long> Tokens { get; } = Measurements.CreateCounter<long>("m2ugen.answer.tokens", "{token}", "Tokens of answers.");

    internal static Counter<long> ReusedTokens { get; } = Measurements.CreateCounter<long>("m2ugen.prompt.reused_tokens", "{token}", "Tokens of prompts that an earlier request had read already.");

    internal static Histogram<double> EncodeTime { get; } = Measurements.CreateHistogram<double>("m2ugen.encode.duration", "s", "Time of the encode stage, without reading and decoding.");

    internal static Histogram<double> AnswerTime { get; } = Measurements.CreateHistogram<double>("m2ugen.answer.duration", "s", "Time of the language stage.");

    internal static Histogram<double> MusicTime { get; } = Measurements.CreateHistogram<double>("m2ugen.music.duration", "s", "Time of the music stage.");

    internal static Counter<double> MusicSeconds { get; } = Measurements.CreateCounter<double>("m2ugen.music.length", "s", "Music made, in seconds of sound.");
}
