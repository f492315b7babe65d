using System.Text.Json;

namespace M2UGen.Parity.Kinds;

/// <summary>
/// Cases of the whole system: greedy answers and the music they ask for, teacher-forced runs, sampling distributions, merged shards, the choice of frames.
/// </summary>
internal sealed class M2UGenKind : IParityKind
{
    internal const string NoEncoder = "the case names no directory of an encoder";

    public bool Handles(string kind) => kind == "m2ugen";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        if (c.HasFile("shards"))
        {
            M2UGenShards.Run(c, report);
        }

        if (c.HasFile("checkpoint"))
        {
            using M2UGenSession session = new(c);
            if (session.Media is { } media && c.HasExpected)
            {
                M2UGenSenses.Run(c, session, media, report, cancellationToken);
                M2UGenSenses.CompareIndex(c, report);
            }

            if (c.Json.TryGetProperty("teacher_forced", out JsonElement forced))
            {
                M2UGenTeacherForced.Run(c, session, forced, report, cancellationToken);
            }

            if (c.Json.TryGetProperty("greedy", out JsonElement greedy))
            {
                M2UGenAnswers.Run(c, session, greedy, report, cancellationToken);
            }

            if (session.Media is { } ears)
            {
                RunAudio(c, session, ears, report, cancellationToken);
            }
            else if (c.HasExpected)
            {
                SkipSenses(report);
            }

            if (c.Json.TryGetProperty("sampling", out JsonElement sampling))
            {
                M2UGenSampling.Run(c, session, sampling, report, cancellationToken);
            }
        }

        if (c.Json.TryGetProperty("frame_choice", out JsonElement frames))
        {
            M2UGenFrameChoice.Run(frames, report);
        }

    }

    /// <summary>Whether a row of case.json comes with sound, a picture or a film.</summary>
    internal static bool HasMedia(JsonElement row) => HasText(row, "audio") || HasText(row, "image") || HasText(row, "video");

    private static bool HasText(JsonElement row, string name) =>
        row.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String;

    private static void SkipSenses(ParityReport report)
    {
        foreach (string tensors in (string[])["audio_*", "image_*", "video_*", "conversation.*", "long.*"])
        {
            report.SkipAll(tensors, NoEncoder);
        }
    }

    private static void RunAudio(ParityCase c, M2UGenSession session, M2UGenMedia media, ParityReport report, CancellationToken cancellationToken)
    {
        if (c.Json.TryGetProperty("conversation", out JsonElement conversation))
        {
            M2UGenConversation.Run(c, session, media, conversation, report, cancellationToken);
        }

        if (c.Json.TryGetProperty("long_audio", out JsonElement longAudio))
        {
            M2UGenLongAudio.Run(c, session, media, longAudio, report, cancellationToken);
        }
    }
}
