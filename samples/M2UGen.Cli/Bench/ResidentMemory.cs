using System.Globalization;

namespace M2UGen.Cli.Bench;

/// <summary>Watches the memory of this process while it lives: its own (anonymous) and pages of mapped files apart, which no counter of the system keeps the peak of.</summary>
internal sealed class ResidentMemory : IDisposable
{
    private const string StatusFile = "/proc/self/status";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly Thread? _watcher;
    private long _anonymous;
    private long _mapped;

    /// <summary>Begins to watch; does nothing on systems without /proc.</summary>
    public ResidentMemory()
    {
        if (!File.Exists(StatusFile))
        {
            return;
        }

        Look();
        _watcher = new Thread(Watch) { IsBackground = true };
        _watcher.Start();
    }

    /// <summary>The most anonymous memory so far, in bytes; null where the system does not tell.</summary>
    public long? PeakAnonymousBytes => _watcher is null ? null : Interlocked.Read(ref _anonymous);

    /// <summary>The most pages of mapped files so far, in bytes; null where the system does not tell.</summary>
    public long? PeakMappedBytes => _watcher is null ? null : Interlocked.Read(ref _mapped);

    /// <summary>Ends the watch.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _watcher?.Join();
        _stop.Dispose();
    }

    private void Watch()
    {
        while (!_stop.Token.WaitHandle.WaitOne(Interval))
        {
            Look();
        }
    }

    private void Look()
    {
        foreach (string line in File.ReadLines(StatusFile))
        {
            if (line.StartsWith("RssAnon:", StringComparison.Ordinal))
            {
                Interlocked.Exchange(ref _anonymous, Math.Max(_anonymous, Bytes(line)));
            }
            else if (line.StartsWith("RssFile:", StringComparison.Ordinal))
            {
                Interlocked.Exchange(ref _mapped, Math.Max(_mapped, Bytes(line)));
                return;
            }
        }
    }

    /// <summary>"RssAnon:     1234 kB".</summary>
    private static long Bytes(string line) => 1024 * long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
