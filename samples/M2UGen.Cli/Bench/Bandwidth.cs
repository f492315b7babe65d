using System.Diagnostics;
using System.Numerics.Tensors;

namespace M2UGen.Cli.Bench;

/// <summary>How fast all threads together read memory, measured again and again beside what is bound by it: machines whose memory others share change from one second to the next.</summary>
/// <param name="threads">Threads that read.</param>
internal sealed class Bandwidth(int threads)
{
    private const int ReadBytes = 1 << 28;
    private const int Reads = 3;

    // ONNX Runtime's threads go on spinning for a while after a run, and would take a core from the reading ones.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(250);

    private readonly float[] _memory = Filled();
    private readonly List<double> _measured = [];

    /// <summary>Reads a quarter of a gigabyte three times.</summary>
    public void Measure(CancellationToken cancellationToken)
    {
        cancellationToken.WaitHandle.WaitOne(Rest);
        for (int i = 0; i < Reads; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            Read(threads);
            _measured.Add(ReadBytes / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }
    }

    /// <summary>Gigabytes a second, the median of what was measured since the last call.</summary>
    public double TakeMedian()
    {
        _measured.Sort();
        double median = _measured[(_measured.Count - 1) / 2];
        _measured.Clear();
        return median;
    }

    /// <summary>The best of several runs, of some threads, in gigabytes a second.</summary>
    public double Best(int threadCount, int runs, CancellationToken cancellationToken)
    {
        cancellationToken.WaitHandle.WaitOne(Rest);
        double best = 0;
        for (int i = 0; i < runs; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            Read(threadCount);
            best = Math.Max(best, ReadBytes / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }

        return best;
    }

    private static float[] Filled()
    {
        float[] memory = new float[ReadBytes / sizeof(float)];
        memory.AsSpan().Fill(1);
        return memory;
    }

    private void Read(int threadCount)
    {
        int part = _memory.Length / threadCount;
        Parallel.For(0, threadCount, new ParallelOptions { MaxDegreeOfParallelism = threadCount }, i => GC.KeepAlive(TensorPrimitives.Sum<float>(_memory.AsSpan(i * part, part))));
    }
}
