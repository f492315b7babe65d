namespace M2UGen.Cli.Bench.Timing;

/// <summary>Times of a graph's runs that took turns with other graphs' runs.</summary>
internal sealed class RunTimes
{
    private readonly long _multiplyAdds;
    private readonly double[] _seconds;

    private RunTimes(long multiplyAdds, IEnumerable<double> seconds)
    {
        _multiplyAdds = multiplyAdds;
        _seconds = [.. seconds.Order()];
    }

    /// <summary>Seconds of the run in the middle by time; of an even number the faster of the two.</summary>
    public double Median => _seconds[(_seconds.Length - 1) / 2];

    /// <summary>Seconds of the fastest run, which is what a quiet machine would give.</summary>
    public double Least => _seconds[0];

    /// <summary>Billions of floating point operations a second, two for each multiply-add, of the run in the middle.</summary>
    public double MedianGflops => 2e-9 * _multiplyAdds / Median;

    /// <summary>Billions of floating point operations a second of the fastest run.</summary>
    public double LeastGflops => 2e-9 * _multiplyAdds / Least;

    /// <summary>Runs each session once to warm up, then all in turn: what else the machine does at the time slows all alike.</summary>
    /// <param name="sessions">What to run.</param>
    /// <param name="runs">Runs of each that count.</param>
    /// <param name="cancellationToken">Checked between runs.</param>
    /// <returns>For each session its wall times, and the processor times of its runs.</returns>
    public static IReadOnlyList<(RunTimes Wall, RunTimes Processor)> Interleave(IReadOnlyList<TimedSession> sessions, int runs, CancellationToken cancellationToken)
    {
        List<(double Seconds, double ProcessorSeconds)>[] times = [.. sessions.Select(_ => new List<(double, double)>())];
        for (int run = 0; run <= runs; run++)
        {
            for (int i = 0; i < sessions.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                (double, double) time = sessions[i].Run();
                if (run > 0)
                {
                    times[i].Add(time);
                }
            }
        }

        return
        [
            .. sessions.Zip(times, (session, list) => (
                new RunTimes(session.MultiplyAdds, list.Select(time => time.Seconds)),
                new RunTimes(session.MultiplyAdds, list.Select(time => time.ProcessorSeconds)))),
        ];
    }
}
