using M2UGen.Sdk.Pipeline;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;
using Microsoft.Extensions.Logging.Abstractions;

namespace M2UGen.Sdk.Tests.Pipeline;

public sealed class MemoryPolicyTests
{
    [Theory]
    [InlineData(MemoryPolicy.KeepLoaded, new[] { "llama" })]
    [InlineData(MemoryPolicy.OneStageAtATime, new string[0])]
    public async Task RunAsync_BetweenStages_KeepsOrFreesTheLanguageModel(MemoryPolicy memory, string[] loadedInMusicStage)
    {
        FakeLanguage language = new([.. FakeLanguage.Music, .. FakeLanguage.Stop], cachedPrompts: 1);
        ModelSet models = new(_ => language.Onnx);
        string[]? loaded = null;
        FakeMusicDecoder music = new() { BeforeChunk = (_, _) => loaded = [.. models.Loaded] };
        PipelineParts parts = new()
        {
            Identity = new PipelineIdentity("hash", "m2ugen-musicgen", "cpu", 1, "fake"),
            Language = new M2UGen.Sdk.Language.LanguageModel(() => models.Get("llama"), language.Config, FakeLanguage.Tokenizer, new float[FakeLanguage.Dim], language.Prompts),
            Prompts = language.Prompts,
            Music = music,
            Models = models,
            Owned = [language.Prompts, models],
        };
        await using (M2UGenPipeline pipeline = new(parts, PipelineOptions.Default with { Memory = memory }, NullLogger.Instance))
        {
            await pipeline.Prompt(FakeLanguage.Question).WithGeneration(GenerationOptions.Greedy).RunAsync();
        }

        Assert.Equal(loadedInMusicStage, loaded);
        Assert.True(language.Onnx.Disposed);
    }
}
