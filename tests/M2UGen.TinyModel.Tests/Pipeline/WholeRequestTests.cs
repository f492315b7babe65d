using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>Whole requests over real graphs, through the surface that applications use.</summary>
public sealed class WholeRequestTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private static readonly MusicOptions HalfSecond = new() { Duration = TimeSpan.FromSeconds(0.5), Seed = 11 };

    [Theory]
    [InlineData(256)]
    [InlineData(7)]
    public async Task AskAsync_GreedyReference_ChoosesTheReferencesTokens(int prefillChunk)
    {
        await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(
            tiny.LanguageOnlyPath, new PipelineOptions { Threads = 1, PrefillChunkSize = prefillChunk, Fidelity = Fidelity.Reference });
        using JsonDocument json = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(Repository.Golden("m2ugen-answers"), "case.json")));
        int rows = 0;
        foreach (JsonElement row in json.RootElement.GetProperty("greedy").EnumerateArray().Where(IsTextOnly))
        {
            AnswerResult answer = await pipeline.Prompt(row.GetProperty("question").GetString()!)
                .WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = row.GetProperty("max_gen_len").GetInt32() }).AskAsync();
            Assert.Equal(row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()), answer.TokenIds);
            Assert.Equal(row.GetProperty("text").GetString(), answer.RawText);
            Assert.Equal(row.GetProperty("music").GetBoolean(), answer.AsksForMusic);
            rows++;
        }

        Assert.True(rows > 10, $"{rows} rows");
    }

    [Theory]
    [InlineData(MusicConditioningMode.Caption)]
    [InlineData(MusicConditioningMode.Embedding)]
    [InlineData(MusicConditioningMode.Both)]
    public async Task StreamAsync_Music_EqualsTheAwaitedResult(MusicConditioningMode conditioning)
    {
        M2UGenRequest request = tiny.Pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond with { Duration = TimeSpan.FromSeconds(1.3), Conditioning = conditioning });
        MusicResult awaited = await request.GenerateMusicAsync();
        List<float> streamed = [];
        string text = "";
        await foreach (GenerationUpdate update in request.StreamAsync())
        {
            switch (update)
            {
                case AudioChunk chunk: streamed.AddRange(chunk.Samples.Span); break;
                case TextDelta delta: text += delta.Text; break;
                default: break;
            }
        }

        Assert.Equal(TimeSpan.FromSeconds(1.3), awaited.Audio.Duration);
        Assert.Equal(awaited.Answer!.Text, text);
        Assert.Equal(awaited.Audio.Samples.ToArray(), streamed);
    }

    [Fact]
    public async Task GenerateMusicAsync_Conditionings_Differ()
    {
        float[][] pieces = await Task.WhenAll(Enum.GetValues<MusicConditioningMode>().Select(async mode =>
            (await tiny.Pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond with { Conditioning = mode }).GenerateMusicAsync()).Audio.Samples.ToArray()));
        Assert.NotEqual(pieces[0], pieces[1]);
        Assert.NotEqual(pieces[0], pieces[2]);
        Assert.NotEqual(pieces[1], pieces[2]);
    }

    [Fact]
    public async Task GenerateMusicAsync_ManifestReplayed_GivesTheSameSamples()
    {
        MusicResult first = await tiny.Pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond with { Seed = null }).GenerateMusicAsync();
        ResultManifest manifest = ResultManifest.FromJson(first.Manifest.ToJson());
        MusicResult again = await tiny.Pipeline.Prompt(manifest.Prompt)
            .WithGeneration(manifest.Generation with { Seed = manifest.Seed })
            .WithMusic(manifest.Music with { Seed = manifest.MusicSeed })
            .WithFidelity(manifest.Fidelity)
            .GenerateMusicAsync();
        Assert.Equal(first.Answer!.TokenIds, again.Answer!.TokenIds);
        Assert.Equal(first.Audio.Samples.ToArray(), again.Audio.Samples.ToArray());
        Assert.Equal(tiny.Pipeline.BundleHash, manifest.BundleHash);
    }

    [Fact]
    public async Task OverlappingRequests_TwoAtATime_GiveWhatEachGivesAlone()
    {
        await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(tiny.BundlePath, new PipelineOptions { Threads = 1, MaxConcurrentRequests = 2 });
        MusicResult[] together = await Task.WhenAll(Enumerable.Range(0, 4).Select(i =>
            pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond with { Seed = (ulong)i }).GenerateMusicAsync()));
        for (int i = 0; i < together.Length; i++)
        {
            MusicResult alone = await tiny.Pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond with { Seed = (ulong)i }).GenerateMusicAsync();
            Assert.Equal(alone.Audio.Samples.ToArray(), together[i].Audio.Samples.ToArray());
        }
    }

    [Fact]
    public async Task GenerateMusicBatchAsync_PromptsSoundAndVariations_GivesWhatEachGivesAlone()
    {
        M2UGenRequest plain = tiny.Pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond);
        M2UGenRequest edit = tiny.Pipeline.Prompt("Remove the drums from the music.").WithAudio(TinyM2UGen.Medium("audio_b.wav")).WithMusic(new MusicOptions { Seed = 3 });
        M2UGenRequest[] requests = [.. plain.Variations(3), edit, plain.WithMusic(HalfSecond with { Conditioning = MusicConditioningMode.Both, Duration = TimeSpan.FromSeconds(0.8) })];
        IReadOnlyList<MusicResult> together = await tiny.Pipeline.GenerateMusicBatchAsync(requests);
        for (int i = 0; i < requests.Length; i++)
        {
            MusicResult alone = await requests[i].GenerateMusicAsync();
            Assert.Equal(alone.Audio.Samples.ToArray(), together[i].Audio.Samples.ToArray());
            Assert.Equal(alone.Answer!.TokenIds, together[i].Answer!.TokenIds);
            Assert.Equal(alone.Manifest.ToJson(), together[i].Manifest.ToJson());
        }
    }

    [Fact]
    public async Task GenerateMusicAsync_Cancelled_StopsAndThePipelineGoesOn()
    {
        using CancellationTokenSource source = new();
        M2UGenRequest endless = tiny.Pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond with { Duration = TimeSpan.FromHours(1) });
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerationUpdate update in endless.StreamAsync(source.Token))
            {
                if (update is AudioChunk)
                {
                    await source.CancelAsync();
                }
            }
        });
        Assert.Equal(source.Token, error.CancellationToken);
        Assert.NotNull(await tiny.Pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond).GenerateMusicAsync());
    }

    [Fact]
    public async Task DisposeAsync_WhileMusicIsMade_StopsIt()
    {
        M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(tiny.BundlePath);
        await using IAsyncEnumerator<GenerationUpdate> reader = pipeline.Prompt(TinyM2UGen.MusicPrompt)
            .WithMusic(HalfSecond with { Duration = TimeSpan.FromHours(1) }).StreamAsync().GetAsyncEnumerator();
        while (await reader.MoveNextAsync() && reader.Current is not AudioChunk)
        {
        }

        await pipeline.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            while (await reader.MoveNextAsync())
            {
            }
        });
    }

    [Fact]
    public async Task OneStageAtATime_GivesTheSame()
    {
        await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(tiny.BundlePath, new PipelineOptions { Threads = 1, Memory = MemoryPolicy.OneStageAtATime });
        for (int i = 0; i < 2; i++)
        {
            MusicResult music = await pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond).GenerateMusicAsync();
            Assert.Equal((await tiny.Pipeline.Prompt(TinyM2UGen.MusicPrompt).WithMusic(HalfSecond).GenerateMusicAsync()).Audio.Samples.ToArray(), music.Audio.Samples.ToArray());
        }
    }

    [Fact]
    public async Task LanguageOnlyBundle_AnswersAndRefusesMusic()
    {
        await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(tiny.LanguageOnlyPath);
        Assert.Equal(("m2ugen", true, false), (pipeline.Family, pipeline.CanAnswer, pipeline.CanGenerateMusic));
        await Assert.ThrowsAsync<UnsupportedCapabilityException>(() => pipeline.GenerateMusicAsync(TinyM2UGen.MusicPrompt));
        M2UGenResult result = await pipeline.Prompt(TinyM2UGen.MusicPrompt).WithGeneration(GenerationOptions.Greedy).RunAsync();
        Assert.True(result.Answer!.AsksForMusic);
        Assert.Null(result.Music);
    }

    [Fact]
    public async Task AskAsync_PromptBeyondTheContext_SaysBothLengths()
    {
        ArgumentException error = await Assert.ThrowsAnyAsync<ArgumentException>(() => tiny.Pipeline.AskAsync(string.Join(' ', Enumerable.Repeat("piano", 2000))));
        Assert.Contains("1024", error.Message, StringComparison.Ordinal);
    }

    private static bool IsTextOnly(JsonElement row) =>
        new[] { "audio", "image", "video" }.All(medium => row.GetProperty(medium).ValueKind == JsonValueKind.Null);
}
