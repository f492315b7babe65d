namespace M2UGen.Sdk.Tests.Fakes;

/// <summary>Makes a ramp in chunks, and remembers what it was asked.</summary>
internal sealed class FakeMusicDecoder : IMusicDecoder
{
    public const int Chunks = 5;
    public const int ChunkSize = 10;

    /// <summary>Called before each chunk.</summary>
    public Action<int, CancellationToken>? BeforeChunk { get; init; }

    /// <summary>Called when the pipeline asks whether a request can be done.</summary>
    public Action<MusicDecoderRequest>? OnCheck { get; init; }

    public MusicDecoderRequest? LastRequest { get; private set; }

    public int SampleRate => 100;

    public int Channels => 1;

    public void Check(MusicDecoderRequest request) => OnCheck?.Invoke(request);

    public MusicDecoding Generate(MusicDecoderRequest request, IMusicSink sink, CancellationToken cancellationToken)
    {
        LastRequest = request;
        float[] all = [.. Enumerable.Range(0, Chunks * ChunkSize).Select(i => i / 100f)];
        for (int i = 0; i < Chunks; i++)
        {
            BeforeChunk?.Invoke(i, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            sink.Write(new AudioChunk(all.AsMemory(i * ChunkSize, ChunkSize), SampleRate, Channels, TimeSpan.FromSeconds(i * 0.1)));
            sink.Report(new StageProgress(GenerationStage.Music, i + 1, Chunks));
        }

        return new MusicDecoding { Audio = AudioClip.FromSamples(all, SampleRate), Seed = request.Options.Seed!.Value, Steps = Chunks };
    }
}
