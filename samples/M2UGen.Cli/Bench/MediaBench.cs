using System.Diagnostics;
using System.Text.Json.Nodes;
using M2UGen.Sdk;
using M2UGen.Sdk.Media.Audio;
using M2UGen.Sdk.Media.Image;

namespace M2UGen.Cli.Bench;

/// <summary>Resampling of sound and resizing of pictures, each on one thread, next to that thread's multiply-adds and reading in the same run.</summary>
internal static class MediaBench
{
    private const int Seconds = 30;
    private const int Channels = 3;

    /// <summary>Measures the rates and sizes that requests meet most.</summary>
    public static JsonObject Run(Calibration calibration, BenchOptions options, CancellationToken cancellationToken) => new()
    {
        ["resample_44100_to_24000"] = Resample(44100, 24000, calibration, options, cancellationToken),
        ["resample_48000_to_24000"] = Resample(48000, 24000, calibration, options, cancellationToken),
        ["resample_32000_to_24000"] = Resample(32000, 24000, calibration, options, cancellationToken),
        ["resize_1920x1080_to_224x224"] = Resize(1920, 1080, 224, 224, calibration, options, cancellationToken),
        ["resize_640x480_to_224x224"] = Resize(640, 480, 224, 224, calibration, options, cancellationToken),
    };

    private static JsonObject Resample(int from, int to, Calibration calibration, BenchOptions options, CancellationToken cancellationToken)
    {
        Random noise = new(1);
        float[] sound = [.. Enumerable.Range(0, from * Seconds).Select(_ => noise.NextSingle() - 0.5f)];
        ResampleOptions defaults = new();
        Resampler resampler = new(from, to, defaults);
        int produced = 0;
        double seconds = Time(options, () => produced = resampler.Resample(sound).Length, cancellationToken);

        // A multiply-add for each tap within the filter's reach; both sides are counted.
        double taps = 2.0 * defaults.LowpassFilterWidth * from / (Math.Min(from, to) * defaults.Rolloff);
        double gflops = 2 * taps * produced / seconds / 1e9;
        return new JsonObject
        {
            ["times_real_time"] = Seconds / seconds,
            ["gflops"] = gflops,
            ["ratio_to_one_thread"] = gflops / calibration.OneThreadGflops,
        };
    }

    private static JsonObject Resize(int width, int height, int newWidth, int newHeight, Calibration calibration, BenchOptions options, CancellationToken cancellationToken)
    {
        byte[] pixels = new byte[width * height * Channels];
        new Random(1).NextBytes(pixels);
        double seconds = Time(options, () => Resizer.Resize(pixels, width, height, Channels, newWidth, newHeight), cancellationToken);
        double gigabytes = pixels.Length / seconds / 1e9;
        return new JsonObject
        {
            ["pictures_per_second"] = 1 / seconds,
            ["read_gb_per_second"] = gigabytes,
            ["ratio_to_one_thread_read"] = gigabytes / calibration.OneThreadReadGigabytes,
        };
    }

    /// <summary>Seconds of one piece of work that takes milliseconds: each measured run repeats it, after a warm-up that lasts until its code is compiled at full strength.</summary>
    private static double Time(BenchOptions options, Action work, CancellationToken cancellationToken)
    {
        SecondsOf(work, TimeSpan.FromSeconds(1), cancellationToken);
        double[] runs = new double[options.Repeat];
        for (int run = 0; run < runs.Length; run++)
        {
            runs[run] = SecondsOf(work, TimeSpan.FromSeconds(0.2), cancellationToken);
        }

        Array.Sort(runs);
        return runs[(runs.Length - 1) / 2];
    }

    private static double SecondsOf(Action work, TimeSpan atLeast, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        for (long times = 1; ; times++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            work();
            if (Stopwatch.GetElapsedTime(start) is { } time && time >= atLeast)
            {
                return time.TotalSeconds / times;
            }
        }
    }
}
