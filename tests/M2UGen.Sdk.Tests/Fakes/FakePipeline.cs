using M2UGen.Sdk.Language;
using M2UGen.Sdk.Pipeline;
using Microsoft.Extensions.Logging.Abstractions;

namespace M2UGen.Sdk.Tests.Fakes;

/// <summary>A real pipeline over fake models.</summary>
internal static class FakePipeline
{
    public static M2UGenPipeline Create(FakeLanguage? language = null, IMusicDecoder? music = null, PipelineOptions? options = null, string family = "m2ugen-musicgen", FakeEncoders? encoders = null) => new(
        new PipelineParts
        {
            Identity = new PipelineIdentity(new string('a', 64), family, "cpu", 1, "fake"),
            Language = language?.Model,
            Prompts = language?.Prompts ?? PromptCache.None,
            Encoders = encoders,
            Music = music,
            Project = language is null ? null : static (states, _) => [.. states.Select(x => x * 2)],
            Owned = language is null ? [] : [language.Prompts, language.Onnx],
        },
        options ?? PipelineOptions.Default,
        NullLogger.Instance);
}
