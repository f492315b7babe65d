using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Sdk.Encoders.Mert;

namespace M2UGen.Parity.Kinds;

/// <summary>The rows <c>conversation.*</c>: the music of one turn is what the next turn hears, as it came from the decoder: at its own rate, and not clipped.</summary>
internal static class M2UGenConversation
{
    public static void Run(ParityCase c, M2UGenSession session, M2UGenMedia media, JsonElement description, ParityReport report, CancellationToken cancellationToken)
    {
        report.Row("conversation", () =>
        {
            int index = description.GetProperty("turn1").GetInt32();
            JsonElement turn1 = c.Json.GetProperty("greedy").EnumerateArray().Single(row => row.GetProperty("index").GetInt32() == index);
            Conversation conversation = new(session.Pipeline, new ConversationOptions { Fidelity = Fidelity.Reference });
            M2UGenResult made = conversation.SendAsync(turn1.GetProperty("question").GetString()!, request => M2UGenAnswers.Refine(c, turn1, request), cancellationToken).GetAwaiter().GetResult();
            if (made.Music is not { } music)
            {
                report.Fail("conversation.turn1", "the first turn made no music");
                return;
            }

            WindowReader reader = new(music.Audio, media.Senses.Mert!.SampleRate);
            float[] heard = new float[reader.Length];
            reader.Read(0, heard);
            report.Compare("conversation.audio_24k", heard, [heard.Length]);
            float[] feature = media.Senses.Mert!.Encode(music.Audio, Fidelity.Reference, null, cancellationToken);
            report.Compare("conversation.feature", feature, [feature.Length]);

            JsonElement turn2 = description.GetProperty("turn2");
            AnswerResult answer = conversation.SendAsync(turn2.GetProperty("question").GetString()!, request => M2UGenAnswers.Refine(c, turn2, request), cancellationToken).GetAwaiter().GetResult().Answer!;
            M2UGenAnswers.CompareAnswer(session, turn2, "conversation.turn2", answer, report);
        });
    }
}
