using System.Text.Json.Nodes;
using M2UGen.Sdk;

namespace M2UGen.Cli.Display;

/// <summary>Results as JSON.</summary>
internal static class ResultJson
{
    /// <summary>An answer: text, raw_text, tokens, stop_reason, asks_for_music, seed.</summary>
    public static JsonObject Of(AnswerResult answer) => new()
    {
        ["text"] = answer.Text,
        ["raw_text"] = answer.RawText,
        ["prompt_tokens"] = answer.PromptTokenCount,
        ["tokens"] = answer.TokenIds.Count,
        ["stop_reason"] = answer.StopReason.ToString(),
        ["asks_for_music"] = answer.AsksForMusic,
        ["seed"] = answer.Seed,
    };

    /// <summary>Music: the file, its length and form, the caption and seed it was made from, and how its candidates scored.</summary>
    public static JsonObject Of(MusicResult music, string? path)
    {
        JsonObject json = Describe(music, path);
        if (music.Candidates is { Count: > 1 } candidates)
        {
            json["candidates"] = new JsonArray([.. candidates.Select(candidate => new JsonObject { ["index"] = candidate.Index, ["score"] = candidate.Score })]);
        }

        return json;
    }

    private static JsonObject Describe(MusicResult music, string? path) => new()
    {
        ["output"] = path,
        ["seconds"] = music.Audio.Duration.TotalSeconds,
        ["sample_rate"] = music.Audio.SampleRate,
        ["channels"] = music.Audio.Channels,
        ["samples"] = music.Audio.SampleCount,
        ["caption"] = music.Caption,
        ["seed"] = music.Seed,
    };

    /// <summary>The manifest that makes the result again.</summary>
    public static JsonNode? Of(ResultManifest manifest) => JsonNode.Parse(manifest.ToJson());
}
