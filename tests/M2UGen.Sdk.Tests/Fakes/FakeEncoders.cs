using M2UGen.Sdk.Encoders;

namespace M2UGen.Sdk.Tests.Fakes;

/// <summary>Encoders whose features say what was encoded, and which count what they were asked.</summary>
internal sealed class FakeEncoders : IMediaEncoders
{
    public const int Frames = 4;

    /// <summary>What was called, in order.</summary>
    public List<string> Calls { get; } = [];

    public AudioClip? Audio { get; private set; }

    public IReadOnlyList<ImageFrame>? Video { get; private set; }

    public KnnOptions? Knn { get; private set; }

    /// <summary>Windows that a sound has.</summary>
    public int Windows { get; init; } = 1;

    /// <summary>Called within every encoder.</summary>
    public Action<string, CancellationToken>? OnCall { get; init; }

    public bool HearsAudio { get; init; } = true;

    public bool SeesImages { get; init; } = true;

    public bool SeesVideo { get; init; } = true;

    public bool HasKnn { get; init; }

    public int VideoFrameCount => Frames;

    public float[] EncodeAudio(AudioClip clip, Fidelity fidelity, Action<int, int>? progress, CancellationToken cancellationToken)
    {
        Call("audio", cancellationToken);
        Audio = clip;
        for (int i = 0; i < Windows; i++)
        {
            progress?.Invoke(i + 1, Windows);
        }

        return [1];
    }

    public float[] EncodeImage(ImageFrame image, CancellationToken cancellationToken)
    {
        Call("image", cancellationToken);
        return [2];
    }

    public float[] EncodeVideo(IReadOnlyList<ImageFrame> frames, CancellationToken cancellationToken)
    {
        Call("video", cancellationToken);
        Video = frames;
        return [3];
    }

    public float[] Prefix(MediaFeatures features, KnnOptions? knn, CancellationToken cancellationToken)
    {
        Call("prefix", cancellationToken);
        Knn = knn;
        return [features.Audio?[0] ?? 0, features.Image?[0] ?? 0, features.Video?[0] ?? 0, 9];
    }

    private void Call(string name, CancellationToken cancellationToken)
    {
        lock (Calls)
        {
            Calls.Add(name);
        }

        OnCall?.Invoke(name, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
    }
}
