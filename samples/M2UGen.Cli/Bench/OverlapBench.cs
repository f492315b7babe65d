using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using M2UGen.Cli.Display;
using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Cli.Bench;

/// <summary>Many overlapping requests: whether each gives what it gives alone, and whether memory stays where it is.</summary>
internal static class OverlapBench
{
    // Different enough to show results that got mixed up, few enough to make each of them alone first.
    private const int Kinds = 16;

    private static readonly string[] Prompts = ["a slow calm piano waltz", "fast drums", "a sad flute", "church organ"];

    /// <summary>Runs the requests in two halves; memory is looked at when nothing runs: before the first, between them, and behind the second.</summary>
    /// <param name="pipeline">A loaded pipeline.</param>
    /// <param name="duration">Length of the music of a request; some are a little longer.</param>
    /// <param name="requests">How many in all.</param>
    /// <param name="overlap">How many are under way at a time.</param>
    /// <param name="display">Shows how far it is.</param>
    /// <param name="cancellationToken">Stops all of it.</param>
    /// <exception cref="M2UGenException">A request gave another result than alone, or native memory was left behind.</exception>
    public static async Task<JsonObject> RunAsync(M2UGenPipeline pipeline, TimeSpan duration, int requests, int overlap, IStageDisplay display, CancellationToken cancellationToken)
    {
        string[] alone = new string[Kinds];
        for (int kind = 0; kind < Kinds; kind++)
        {
            display.Show("Each request alone", kind, Kinds);
            alone[kind] = await DigestAsync(pipeline, duration, kind, cancellationToken);
        }

        display.Show("Each request alone", 1, 1);
        int done = 0;
        int wrong = 0;
        long tensors = NativeTensor.Alive;
        long start = Memory();
        TimeSpan first = await HalfAsync(0, requests / 2);
        long half = Memory();
        TimeSpan second = await HalfAsync(requests / 2, requests);
        long end = Memory();
        if (wrong > 0)
        {
            throw new M2UGenException($"{wrong} of {requests} overlapping requests gave another result than alone.");
        }

        if (NativeTensor.Alive > tensors)
        {
            throw new M2UGenException($"{NativeTensor.Alive - tensors} tensors were left behind by {requests} requests.");
        }

        return new JsonObject
        {
            ["requests"] = requests,
            ["overlap"] = overlap,
            ["at_a_time_on_the_device"] = pipeline.Options.MaxConcurrentRequests,
            ["kinds"] = Kinds,
            ["equal_to_alone"] = requests - wrong,
            ["seconds"] = (first + second).TotalSeconds,
            ["requests_per_second"] = requests / (first + second).TotalSeconds,
            ["memory"] = MemoryName,
            ["bytes_before"] = start,
            ["bytes_after_half"] = half,
            ["bytes_after_all"] = end,
            ["bytes_growth_of_second_half"] = end - half,
        };

        async Task<TimeSpan> HalfAsync(int from, int to)
        {
            long begin = Stopwatch.GetTimestamp();
            ParallelOptions options = new() { MaxDegreeOfParallelism = overlap, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(Enumerable.Range(from, to - from), options, async (i, token) =>
            {
                if (await DigestAsync(pipeline, duration, i % Kinds, token) != alone[i % Kinds])
                {
                    Interlocked.Increment(ref wrong);
                }

                display.Show("Overlapping requests", Interlocked.Increment(ref done), requests);
            });
            return Stopwatch.GetElapsedTime(begin);
        }
    }

    /// <summary>Runs the request of a kind and names its result: tokens of the answer and samples of the music.</summary>
    private static async Task<string> DigestAsync(M2UGenPipeline pipeline, TimeSpan duration, int kind, CancellationToken cancellationToken)
    {
        M2UGenResult result = await pipeline.Prompt(Prompts[kind % Prompts.Length])
            .WithMusic(new MusicOptions { Duration = duration + (duration * (kind % 3) / 10), Seed = (ulong)kind })
            .WithGeneration(GenerationOptions.Default with { MaxNewTokens = 64 })
            .RunAsync(cancellationToken);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes<int>([.. result.Answer?.TokenIds ?? []]));
        hash.AppendData(MemoryMarshal.AsBytes(result.Music is { } music ? music.Audio.Samples.Span : []));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string MemoryName => File.Exists(Status) ? "RssAnon" : "working set";

    private const string Status = "/proc/self/status";

    /// <summary>Bytes of memory that are the process's own (not pages of mapped files, where the system tells them apart), without what is only waiting to be collected.</summary>
    private static long Memory()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        const string Name = "RssAnon:";
        string? line = File.Exists(Status) ? File.ReadLines(Status).FirstOrDefault(l => l.StartsWith(Name, StringComparison.Ordinal)) : null;
        return line is null ? Environment.WorkingSet : 1024 * long.Parse(line.AsSpan(Name.Length).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture);
    }
}
