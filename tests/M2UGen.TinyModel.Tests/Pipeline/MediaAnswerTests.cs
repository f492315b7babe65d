using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>Requests with sound and pictures over real graphs: the answers are the reference's, token for token.</summary>
public sealed class MediaAnswerTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private static readonly MusicOptions Greedy = new() { Sample = false, GuidanceScale = 3.5 };

    [Fact]
    public async Task RunAsync_SoundAndPictures_ChoosesTheReferencesTokens()
    {
        int rows = 0;
        foreach (JsonElement row in Answers().GetProperty("greedy").EnumerateArray().Where(HasOurMedia))
        {
            M2UGenRequest request = tiny.Pipeline.Prompt(row.GetProperty("question").GetString()!).WithFidelity(Fidelity.Reference)
                .WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = row.GetProperty("max_gen_len").GetInt32() });
            request = Name(row, "audio") is { } audio ? request.WithAudio(TinyM2UGen.Medium(audio)) : request;
            request = Name(row, "image") is { } image ? request.WithImage(TinyM2UGen.Medium(image)) : request;
            AnswerResult answer = await request.AskAsync();
            Assert.Equal(row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()), answer.TokenIds);
            Assert.Equal(row.GetProperty("text").GetString(), answer.RawText);
            rows++;
        }

        Assert.True(rows >= 6, $"{rows} rows");
    }

    [Fact]
    public async Task Conversation_SecondTurn_AnswersAboutTheMusicOfTheFirstAsTheReference()
    {
        JsonElement answers = Answers();
        JsonElement expected = answers.GetProperty("conversation");
        JsonElement first = answers.GetProperty("greedy").EnumerateArray().First(row => row.GetProperty("index").GetInt32() == expected.GetProperty("turn1").GetInt32());
        JsonElement second = expected.GetProperty("turn2");
        Conversation conversation = tiny.Pipeline.StartConversation(new ConversationOptions
        {
            Generation = GenerationOptions.Greedy,
            Music = Greedy with { MaxNewTokens = first.GetProperty("max_new_tokens").GetInt32() },
            Fidelity = Fidelity.Reference,
        });
        M2UGenResult music = await conversation.SendAsync(first.GetProperty("question").GetString()!);
        GoldenTensors golden = new(Path.Combine(Repository.Golden("m2ugen-answers"), "expected.safetensors"));
        Near.Equal(golden.Float($"gen.{first.GetProperty("index").GetInt32()}.waveform"), music.Music!.Audio.Samples.Span, 2e-3, "the first turn's waveform");

        // Far beyond full scale: had it been clipped on its way, the second turn would hear something else.
        Assert.True(music.Music.Audio.Samples.ToArray().Max(Math.Abs) > 1);
        M2UGenResult answer = await conversation.SendAsync(second.GetProperty("question").GetString()!);
        Assert.Equal(second.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()), answer.Answer!.TokenIds);
        Assert.Equal(second.GetProperty("text").GetString(), answer.Answer.RawText);
        Assert.Equal(2, conversation.Turns.Count);
    }

    [Fact]
    public async Task EditMusicAsync_IsAsLongAsTheSound_AndTheManifestMakesItAgain()
    {
        AudioClip song = await AudioClip.LoadAsync(TinyM2UGen.Medium("audio_b.wav"));
        MusicResult first = await tiny.Pipeline.EditMusicAsync("Remove the drums from the music.", song);
        Assert.Equal(song.Duration.TotalSeconds, first.Audio.Duration.TotalSeconds, 3);
        ResultManifest manifest = ResultManifest.FromJson(first.Manifest.ToJson());
        MusicResult again = await tiny.Pipeline.Prompt(manifest.Prompt).WithAudio(song)
            .WithGeneration(manifest.Generation with { Seed = manifest.Seed })
            .WithMusic(manifest.Music with { Seed = manifest.MusicSeed })
            .WithFidelity(manifest.Fidelity).EditMusicAsync();
        Assert.Equal(first.Audio.Samples.ToArray(), again.Audio.Samples.ToArray());
        Assert.Equal(first.Manifest.AudioHash, again.Manifest.AudioHash);
    }

    [Fact]
    public async Task WithKnn_WeightZeroHearsTheSame_AndTheManifestSaysHowItWasMixed()
    {
        M2UGenRequest request = tiny.Pipeline.Prompt("Describe the music in detail.").WithAudio(TinyM2UGen.Medium("audio_b.wav")).WithGeneration(GenerationOptions.Greedy);
        AnswerResult alone = await request.AskAsync();
        AnswerResult unmixed = await request.WithKnn(KnnOptions.Default with { Weight = 0 }).AskAsync();
        AnswerResult mixed = await request.WithKnn(KnnOptions.Default).AskAsync();
        Assert.Equal(alone.TokenIds, unmixed.TokenIds);
        Assert.Equal((null, KnnOptions.Default), (alone.Manifest.Knn, mixed.Manifest.Knn));
    }

    [Fact]
    public async Task OneStageAtATime_WithMedia_GivesTheSame()
    {
        await using M2UGenPipeline frugal = await TinyM2UGen.LoadAsync(tiny.BundlePath, new PipelineOptions { Threads = 1, Memory = MemoryPolicy.OneStageAtATime });
        AnswerResult[] answers = await Task.WhenAll(((M2UGenPipeline[])[frugal, tiny.Pipeline]).Select(pipeline =>
            pipeline.Prompt("What do you see?").WithImage(TinyM2UGen.Medium("image_x.png")).WithAudio(TinyM2UGen.Medium("audio_b.wav")).WithGeneration(GenerationOptions.Greedy).AskAsync()));
        Assert.Equal(answers[0].TokenIds, answers[1].TokenIds);
    }

    [Fact]
    public async Task OverlappingRequests_WithMedia_AnswerAsAlone()
    {
        M2UGenRequest[] requests =
        [
            .. ((string[])["image_x.png", "image_y.png"]).Select(file => tiny.Pipeline.Prompt("What do you see?").WithImage(TinyM2UGen.Medium(file))),
            tiny.Pipeline.Prompt("What is the mood of this music?").WithAudio(TinyM2UGen.Medium("audio_b.wav")),
        ];
        string[] expected = ["I see a colourful gradient.", "I see a grey pattern.", "It is tense and energetic."];
        await using M2UGenPipeline wide = await TinyM2UGen.LoadAsync(tiny.BundlePath, new PipelineOptions { Threads = 1, MaxConcurrentRequests = 3 });
        string[] queued = await Task.WhenAll(Enumerable.Range(0, 9).Select(async i => (await requests[i % 3].WithGeneration(GenerationOptions.Greedy).AskAsync()).Text));
        Assert.Equal([.. expected, .. expected, .. expected], queued);
        AnswerResult[] together = await Task.WhenAll(
            wide.Prompt("What do you see?").WithImage(TinyM2UGen.Medium("image_x.png")).WithGeneration(GenerationOptions.Greedy).AskAsync(),
            wide.Prompt("What do you see?").WithImage(TinyM2UGen.Medium("image_y.png")).WithGeneration(GenerationOptions.Greedy).AskAsync(),
            wide.Prompt("What is the mood of this music?").WithAudio(TinyM2UGen.Medium("audio_b.wav")).WithGeneration(GenerationOptions.Greedy).AskAsync());
        Assert.Equal(expected, together.Select(answer => answer.Text));
    }

    [Fact]
    public async Task LanguageOnlyBundle_NamesTheSwitchesOfItsExport()
    {
        await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(tiny.LanguageOnlyPath);
        Assert.Equal((false, false, false), (pipeline.CanHearAudio, pipeline.CanSeeImages, pipeline.CanSeeVideo));
        Assert.Equal((true, true, true), (tiny.Pipeline.CanHearAudio, tiny.Pipeline.CanSeeImages, tiny.Pipeline.CanSeeVideo));
        UnsupportedCapabilityException error = await Assert.ThrowsAsync<UnsupportedCapabilityException>(() =>
            pipeline.Prompt("What do you see?").WithImage(TinyM2UGen.Medium("image_x.png")).AskAsync());
        Assert.Contains("--vit_path", error.Message, StringComparison.Ordinal);
    }

    private static JsonElement Answers() =>
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Repository.Golden("m2ugen-answers"), "case.json"))).RootElement;

    private static string? Name(JsonElement row, string medium) => row.GetProperty(medium).GetString();

    private static bool HasOurMedia(JsonElement row)
    {
        string[] files = [.. ((string[])["audio", "image"]).Select(medium => Name(row, medium)).OfType<string>()];
        return files.Length > 0 && Name(row, "video") is null && files.All(file => File.Exists(TinyM2UGen.Medium(file)));
    }
}
