namespace M2UGen.Sdk.Tests.Fakes;

/// <summary>Small media for requests.</summary>
internal static class Media
{
    /// <summary>Half a second of a ramp at 100 Hz.</summary>
    public static AudioClip HalfSecond { get; } = Sound(0.5);

    /// <summary>Two pixels.</summary>
    public static ImageFrame Picture { get; } = ImageFrame.FromRgb([1, 2, 3, 4, 5, 6], 2, 1);

    public static AudioClip Sound(double seconds, int rate = 100) =>
        AudioClip.FromSamples([.. Enumerable.Range(0, (int)Math.Round(seconds * rate)).Select(i => i / 1000f)], rate);

    /// <summary>The bytes of a WAV file.</summary>
    public static byte[] Wav(AudioClip clip)
    {
        using MemoryStream stream = new();
        clip.SaveAsync(stream, new WavOptions { Encoding = WavEncoding.Float32 }).GetAwaiter().GetResult();
        return stream.ToArray();
    }

    /// <summary>A stream that tells when it is read, and can be held back.</summary>
    internal sealed class WatchedStream(byte[] bytes) : MemoryStream(bytes)
    {
        public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Reading ends when this does.</summary>
        public Task Gate { get; init; } = Task.CompletedTask;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Started.TrySetResult();
            await Gate.WaitAsync(cancellationToken);
            return await base.ReadAsync(buffer, cancellationToken);
        }

        public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            await ReadAsync(buffer.AsMemory(offset, count), cancellationToken);
    }
}
