using System.Diagnostics;
using System.Numerics;
using System.Text.Json.Nodes;
using M2UGen.Cli.Bench.Timing;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Cli.Bench;

/// <summary>What this machine can do at best, measured in the run whose figures are held against it: a figure alone says little, since machines and their neighbours differ.</summary>
/// <param name="GemmGflops">Billions of floating-point operations a second of ONNX Runtime's matrix product with constant weights, on all threads.</param>
/// <param name="ReadGigabytes">Billions of bytes a second that all threads read from memory.</param>
/// <param name="OneThreadGflops">Of one thread's vector multiply-adds in registers.</param>
/// <param name="OneThreadReadGigabytes">That one thread reads from memory.</param>
internal sealed record Calibration(double GemmGflops, double ReadGigabytes, double OneThreadGflops, double OneThreadReadGigabytes)
{
    private const int GemmRows = 512;

    /// <summary>Measures all four; takes about two seconds. The best of several runs counts, since nothing can make one too fast.</summary>
    public static Calibration Measure(RuntimeOptions runtime, Bandwidth bandwidth, CancellationToken cancellationToken)
    {
        return new Calibration(
            Gemm(runtime, cancellationToken),
            bandwidth.Best(OnnxRuntimeHost.ThreadsOf(runtime), 5, cancellationToken),
            MultiplyAdds(cancellationToken),
            bandwidth.Best(1, 3, cancellationToken));
    }

    /// <summary>The four figures.</summary>
    public JsonObject ToJson() => new()
    {
        ["gemm_gflops"] = GemmGflops,
        ["read_gb_per_second"] = ReadGigabytes,
        ["one_thread_gflops"] = OneThreadGflops,
        ["one_thread_read_gb_per_second"] = OneThreadReadGigabytes,
    };

    private static double Best(int runs, Action work, CancellationToken cancellationToken)
    {
        double best = double.MaxValue;
        for (int run = 0; run < runs; run++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    /// <summary>The shape of an encoder's linear layers.</summary>
    private static double Gemm(RuntimeOptions runtime, CancellationToken cancellationToken)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("m2ugen-bench-");
        try
        {
            using TimedSession gemm = TimedSession.OpenGemm(folder.FullName, runtime, GemmRows, layers: 1);
            return RunTimes.Interleave([gemm], runs: 30, cancellationToken)[0].Wall.LeastGflops;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double MultiplyAdds(CancellationToken cancellationToken)
    {
        const int Steps = 1_000_000;
        const int Chains = 8;
        double best = Best(5, () => GC.KeepAlive(Chain(Steps)), cancellationToken);
        return 2.0 * Steps * Chains * Vector<float>.Count / best / 1e9;
    }

    /// <summary>Eight chains at once: a multiply-add takes about four cycles and two can begin in each.</summary>
    private static float Chain(int steps)
    {
        Vector<float> factor = new(0.999f);
        Vector<float> a = new(1f), b = new(2f), c = new(3f), d = new(4f), e = new(5f), f = new(6f), g = new(7f), h = new(8f);
        for (int i = 0; i < steps; i++)
        {
            a = Vector.FusedMultiplyAdd(a, factor, factor);
            b = Vector.FusedMultiplyAdd(b, factor, factor);
            c = Vector.FusedMultiplyAdd(c, factor, factor);
            d = Vector.FusedMultiplyAdd(d, factor, factor);
            e = Vector.FusedMultiplyAdd(e, factor, factor);
            f = Vector.FusedMultiplyAdd(f, factor, factor);
            g = Vector.FusedMultiplyAdd(g, factor, factor);
            h = Vector.FusedMultiplyAdd(h, factor, factor);
        }

        return Vector.Sum(a + b + c + d + e + f + g + h);
    }
}
