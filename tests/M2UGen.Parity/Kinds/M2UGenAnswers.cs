using System.Globalization;
using System.Text.Json;
using M2UGen.Sdk;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music;
using M2UGen.Sdk.Music.AudioLdm2;

namespace M2UGen.Parity.Kinds;

/// <summary>
/// Rows <c>gen.N</c>: a prompt, with media where the row names them, through the whole pipeline, greedy, with the reference's habits: prompt ids, chosen ids, texts,
/// whether music follows, the hidden states of the music tokens, the projector, codes and waveform.
/// </summary>
internal static class M2UGenAnswers
{
    public static void Run(ParityCase c, M2UGenSession session, JsonElement rows, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (JsonElement row in rows.EnumerateArray())
        {
            string name = $"gen.{row.GetProperty("index").GetInt32()}";
            if (WhyNot(session, row) is { } reason)
            {
                Skip(c, name, reason, report);
                continue;
            }

            report.Row(name, () =>
            {
                try
                {
                    RunRow(c, session, row, name, report, cancellationToken);
                }
                catch (MediaToolException exception)
                {
                    // Films need ffmpeg, which a machine may not have.
                    Skip(c, name, exception.Message, report);
                }
            });
        }
    }

    private static void Skip(ParityCase c, string name, string reason, ParityReport report)
    {
        report.Skip(name, reason);
        if (c.HasExpected)
        {
            report.SkipAll($"{name}.*", reason);
        }
    }

    /// <summary>What a row asks for besides its words.</summary>
    public static M2UGenRequest Refine(ParityCase c, JsonElement row, M2UGenRequest request) => request
        .WithFidelity(Fidelity.Reference)
        .WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = row.GetProperty("max_gen_len").GetInt32() })
        .WithMusic(Music(c, row));

    /// <summary>The answer alone to a row that is no row of <c>greedy</c>: its ids and its text.</summary>
    public static void CompareAnswer(M2UGenSession session, JsonElement row, string name, Func<M2UGenRequest, M2UGenRequest> refine, ParityReport report, CancellationToken cancellationToken)
    {
        M2UGenRequest request = session.Pipeline.Prompt(row.GetProperty("question").GetString()!)
            .WithFidelity(Fidelity.Reference)
            .WithGeneration(GenerationOptions.Greedy with { MaxNewTokens = row.GetProperty("max_gen_len").GetInt32() });
        CompareAnswer(session, row, name, refine(request).AskAsync(cancellationToken).GetAwaiter().GetResult(), report);
    }

    /// <summary>An answer's prompt, ids and texts.</summary>
    public static void CompareAnswer(M2UGenSession session, JsonElement row, string name, AnswerResult answer, ParityReport report)
    {
        report.CheckIds($"{name}.prompt_ids", Ids(row, "prompt_ids"), Long(session.Tokenizer.Encode(PromptTemplate.Format(row.GetProperty("question").GetString()!))));
        report.CheckIds($"{name}.ids", Ids(row, "ids"), Long(answer.TokenIds));
        report.CheckText($"{name}.text", row.GetProperty("text").GetString(), answer.RawText);
        if (row.TryGetProperty("shown_text", out JsonElement shown))
        {
            report.CheckText($"{name}.shown_text", shown.GetString(), AnswerText.ShownByDemo(answer.RawText));
        }
    }

    private static string? WhyNot(M2UGenSession session, JsonElement row)
        => !M2UGenKind.HasMedia(row) ? null
        : session.Media is not { } media ? M2UGenKind.NoEncoder
        : media.MissingFile(row) is { } missing ? M2UGenMedia.Absent(missing)
        : null;

    private static void RunRow(ParityCase c, M2UGenSession session, JsonElement row, string name, ParityReport report, CancellationToken cancellationToken)
    {
        M2UGenRequest request = Refine(c, row, session.Pipeline.Prompt(row.GetProperty("question").GetString()!));
        M2UGenResult result = (session.Media?.Attach(row, request) ?? request).RunAsync(cancellationToken).GetAwaiter().GetResult();
        AnswerResult answer = result.Answer!;
        CompareAnswer(session, row, name, answer, report);
        bool music = row.GetProperty("music").GetBoolean();
        report.Check($"{name}.music", answer.AsksForMusic == music, $"expected {music}, found {answer.AsksForMusic}");
        if (answer.AudioTokenStates is { } states)
        {
            CompareEmbedding(c, session, name, states, report, cancellationToken);
        }

        if (session.HasMusicDecoder)
        {
            CompareMusic(session, row, name, result.Music, report);
        }
        else if (row.TryGetProperty("caption", out JsonElement caption))
        {
            // Without a decoder the caption is what the pipeline would hand on: the answer as it is.
            report.CheckText($"{name}.caption", caption.GetString(), answer.RawText);
        }

        if (row.TryGetProperty("pipeline_arguments", out JsonElement arguments) && arguments.ValueKind == JsonValueKind.Object)
        {
            ComparePipelineArguments(arguments, name, report);
        }
    }

    private static MusicOptions Music(ParityCase c, JsonElement row) => new()
    {
        Sample = false,
        Conditioning = MusicConditioningMode.Caption,
        MaxNewTokens = row.TryGetProperty("max_new_tokens", out JsonElement tokens) ? tokens.GetInt32() : null,
        GuidanceScale = c.Json.TryGetProperty("guidance_scale", out JsonElement scale) ? scale.GetDouble() : null,
    };

    /// <summary>The states of the music tokens, and what the projector makes of them.</summary>
    private static void CompareEmbedding(ParityCase c, M2UGenSession session, string name, float[] states, ParityReport report, CancellationToken cancellationToken)
    {
        int tokens = states.Length / session.Config.Dim;
        report.Compare($"{name}.music_embeddings", states, [tokens, session.Config.Dim]);

        OutputProjector projector = new(session.Models);
        float[] raw = projector.ProjectRaw(states, tokens, cancellationToken);
        long[] shape = [.. session.Bundle.Component(OutputProjector.Component).Outputs.Single().Dimensions.Skip(1).Select(d => d.Size)];
        report.Compare($"{name}.projector", raw, shape);

        // AudioLDM2: one long vector for two models. Their widths are in the diffusion pipeline's own files; where there is no such directory the case states them.
        if (c.Json.TryGetProperty("decoder_widths", out JsonElement widths))
        {
            string prompt = $"{name}.prompt_embeds", generated = $"{name}.generated_prompt_embeds";
            int textWidth = widths.GetProperty("t5").GetInt32(), gpt2Width = widths.GetProperty("gpt2").GetInt32();
            int positions = (int)c.Expected.Shape(prompt)[0];
            float[] embedding = projector.Project(states, tokens, cancellationToken);
            (ReadOnlyMemory<float> promptEmbeds, ReadOnlyMemory<float> generatedEmbeds) = OutputProjector.SplitAudioLdm2(embedding, positions, textWidth);
            report.Compare(prompt, promptEmbeds.Span, [positions, textWidth]);
            report.Compare(generated, generatedEmbeds.Span, [generatedEmbeds.Length / gpt2Width, gpt2Width]);
        }
    }

    /// <summary>What the released program passes to the diffusion pipeline, against what a request that says nothing runs with.</summary>
    private static void ComparePipelineArguments(JsonElement arguments, string name, ParityReport report)
    {
        AudioLdm2Defaults released = new();
        (string Key, object Ours)[] values =
        [
            ("num_inference_steps", released.Steps), ("num_waveforms_per_prompt", released.WaveformsPerPrompt), ("negative_prompt", released.NegativePrompt),
        ];
        foreach ((string key, object ours) in values.Where(value => arguments.TryGetProperty(value.Key, out _)))
        {
            report.CheckText($"{name}.pipeline_arguments.{key}", arguments.GetProperty(key).ToString(), Convert.ToString(ours, CultureInfo.InvariantCulture));
        }
    }

    private static void CompareMusic(M2UGenSession session, JsonElement row, string name, MusicResult? music, ParityReport report)
    {
        if (!row.GetProperty("music").GetBoolean())
        {
            report.Check($"{name}.no_music", music is null, "music was made although the answer does not ask for any");
            return;
        }

        if (music is null)
        {
            report.Fail($"{name}.waveform", "the pipeline made no music");
            return;
        }

        report.CheckText($"{name}.caption", row.GetProperty("caption").GetString(), music.Caption);
        if (row.TryGetProperty("caption_ids", out _))
        {
            report.CheckIds($"{name}.caption_ids", Ids(row, "caption_ids"), session.CaptionIds(music.Caption));
        }

        // "Rows with codes_left_out have no codes, rows without `waveform` no waveform."
        if (!row.TryGetProperty("codes_left_out", out _))
        {
            report.CompareExact($"{name}.codes", [.. music.Codes!.SelectMany(codebook => codebook).Select(code => (long)code)], [music.Codes!.Count, music.Codes![0].Count]);
        }

        if (row.TryGetProperty("waveform", out JsonElement waveform) && waveform.ValueKind == JsonValueKind.True)
        {
            report.Compare($"{name}.waveform", music.Audio.Samples.Span, [music.Audio.Samples.Length]);
        }
    }

    private static long[] Ids(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(id => id.GetInt64())];

    private static long[] Long(IReadOnlyList<int> ids) => [.. ids.Select(id => (long)id)];
}
