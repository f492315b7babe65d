using System.Text.Json.Nodes;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Conversations;

public sealed class ConversationFileTests
{
    [Fact]
    public async Task ToJson_ReadBack_GoesOnWithoutTheSound()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        Conversation conversation = await TalkAsync(pipeline);
        string json = conversation.ToJson();
        Conversation again = Conversation.FromJson(pipeline, json);
        Assert.Equal(conversation.Options, again.Options);
        Assert.Equal(conversation.Turns.Select(turn => turn with { Music = null }), again.Turns);
        Assert.Null(again.LastMusic);
        Assert.Equal(64, again.Turns[1].MusicHash!.Length);
        Assert.Equal(json, again.ToJson());

        again.SetLastMusic(conversation.LastMusic);
        await again.SendAsync("a drum");
        Assert.Equal(3, again.Turns.Count);
        Assert.True(again.UndoLast() && again.UndoLast() && again.UndoLast());
        Assert.Equal(7, Conversation.FromJson(pipeline, json, new ConversationOptions { MaxHistoryTurns = 7 }).Options.MaxHistoryTurns);
    }

    [Fact]
    public async Task FromJson_OlderText_SettingsItDidNotKnowHaveTheirDefaults()
    {
        await using M2UGenPipeline pipeline = FakePipeline.Create(music: new FakeMusicDecoder(), family: "musicgen");
        JsonObject json = JsonNode.Parse((await TalkAsync(pipeline)).ToJson())!.AsObject();
        json["options"] = new JsonObject { ["fidelity"] = new JsonObject { ["pad_caption"] = true }, ["music"] = new JsonObject() };
        json["turns"]![0]!["manifest"]!["generation"] = new JsonObject { ["top_k"] = 3 };
        Conversation conversation = Conversation.FromJson(pipeline, json.ToJsonString());
        Assert.Equal(ConversationOptions.Default with { Fidelity = Fidelity.Improved with { PadCaption = true } }, conversation.Options);
        Assert.Equal(GenerationOptions.Default with { TopK = 3 }, conversation.Turns[0].Manifest.Generation);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"format\": \"m2ugen-conversation\"}")]
    [InlineData("{\"format\": 3, \"version\": 1}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 0, \"options\": {}, \"turns\": []}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1.5, \"options\": {}, \"turns\": []}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": {}}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": 3, \"turns\": []}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": {}, \"turns\": [null]}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": {}, \"turns\": [7]}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": {}, \"turns\": [{\"prompt\": \"x\"}]}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": {}, \"turns\": {}}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": {\"max_history_turns\": -1}, \"turns\": []}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": {\"generation\": {\"top_p\": 9}}, \"turns\": []}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"options\": {\"generation\": null}, \"turns\": []}")]
    [InlineData("{\"format\": \"m2ugen-conversation\", \"version\": 1, \"version\": 1, \"options\": {}, \"turns\": []}")]
    public void FromJson_AnythingElse_IsAFormatError(string json) => Assert.Throws<FormatException>(() => Conversation.FromJson(FakePipeline.Create(), json));

    [Fact]
    public void FromJson_NewerVersion_SaysWhichCanBeRead()
    {
        FormatException error = Assert.Throws<FormatException>(() => Conversation.FromJson(FakePipeline.Create(), "{\"format\": \"m2ugen-conversation\", \"version\": 2}"));
        Assert.Contains("version 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromJson_DeeplyNested_IsAFormatError()
    {
        string json = string.Concat(Enumerable.Repeat("{\"options\":", 100_000)) + "1" + new string('}', 100_000);
        Assert.Throws<FormatException>(() => Conversation.FromJson(FakePipeline.Create(), json));
    }

    private static async Task<Conversation> TalkAsync(M2UGenPipeline pipeline)
    {
        Conversation conversation = pipeline.StartConversation(new ConversationOptions
        {
            Generation = new GenerationOptions { Seed = ulong.MaxValue },
            Music = new MusicOptions { Duration = TimeSpan.FromSeconds(2.5) },
            Fidelity = Fidelity.Reference,
            MaxHistoryTurns = 3,
        });
        await conversation.SendAsync("a \"slow\" wältz");
        await conversation.SendAsync("a harp");
        return conversation;
    }
}
