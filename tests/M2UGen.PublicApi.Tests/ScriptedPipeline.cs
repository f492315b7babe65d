using System.Runtime.CompilerServices;
using M2UGen.Sdk;

namespace M2UGen.PublicApi.Tests;

/// <summary>What an application writes for its own tests: a pipeline of which only the stream is real.</summary>
internal sealed class ScriptedPipeline(params GenerationUpdate[] updates) : IM2UGenPipeline
{
    public M2UGenRequest? LastRequest { get; private set; }

    public bool LeftEarly { get; private set; }

    public static ResultManifest Manifest { get; } = new()
    {
        BundleHash = new string('0', 64),
        BundleFamily = "m2ugen-musicgen",
        Prompt = "prompt",
        Generation = GenerationOptions.Default,
        Music = MusicOptions.Default,
        Fidelity = Fidelity.Improved,
        Seed = 3,
        MusicSeed = 4,
        SdkVersion = "test",
        RuntimeVersion = "test",
        Platform = "test",
        Provider = "cpu",
        Threads = 1,
    };

    public static AnswerResult Answer { get; } = new()
    {
        Text = "A violin.",
        RawText = "A violin.",
        TokenIds = [1, 2],
        PromptTokenCount = 5,
        StopReason = StopReason.StopSequence,
        AsksForMusic = true,
        Manifest = Manifest,
    };

    public static MusicResult Music { get; } = new()
    {
        Audio = AudioClip.FromSamples([0, 0.5f, 0, -0.5f], 8000),
        Caption = "A violin.",
        Answer = Answer,
        Manifest = Manifest,
    };

    public async IAsyncEnumerable<GenerationUpdate> StreamAsync(M2UGenRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        LastRequest = request;
        bool finished = false;
        try
        {
            foreach (GenerationUpdate update in updates)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await Task.Yield();
                yield return update;
            }

            finished = true;
        }
        finally
        {
            LeftEarly = !finished;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
