using System.Text;
using System.Text.Json;
using M2UGen.Sdk.Language.Generation;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Language.Tokenization;

public sealed class LlamaTextTokenizerTests
{
    private static readonly string Folder = Repository.Golden("tok-llama");
    private static readonly LlamaTextTokenizer Legacy = LlamaTextTokenizer.Load(Path.Combine(Folder, "llama"));
    private static readonly LlamaTextTokenizer NotLegacy = LlamaTextTokenizer.Load(Path.Combine(Folder, "llama-hf"));

    [Fact]
    public void Load_MetaFolder_PutsAudioTokensBehindTheVocabulary()
    {
        using JsonDocument json = Read("case.json");
        int[] audio = Ids(json.RootElement.GetProperty("audio_ids"));
        Assert.Equal(audio[0], Legacy.AudioTokenStart);
        Assert.Equal(audio[0], Legacy.VocabularySize);
        Assert.Equal(audio, Legacy.Encode(string.Concat(Enumerable.Range(0, 8).Select(i => $"[AUD{i}]")), addBos: false));
        Assert.Equal(json.RootElement.GetProperty("newline_id").GetInt32(), Legacy.NewlineId);
        Assert.True(Legacy.Legacy);
        Assert.False(NotLegacy.Legacy);
        Assert.Equal((1, 2), (Legacy.BosId, Legacy.EosId));
    }

    [Fact]
    public void EncodeAndDecode_EveryGoldenText_EqualTheReference()
    {
        using JsonDocument json = Read("encode.json");
        int rows = 0;
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            string text = row.GetProperty("text").GetString()!;
            int[] ids = Ids(row.GetProperty("ids"));
            Assert.Equal(ids, Legacy.Encode(text));
            Assert.Equal(ids[1..], Legacy.Encode(text, addBos: false));
            CheckDecoding(Legacy, row, ids);
            Assert.Equal(row.GetProperty("bare_decoded").GetString(), Legacy.Decode(ids.AsSpan(1)));
            CheckStream(row, ids[1..]);
            rows++;
        }

        Assert.Equal(562, rows);
    }

    [Fact]
    public void EncodeAndDecode_NotLegacy_EqualTheReference()
    {
        using JsonDocument json = Read("encode-hf.json");
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            int[] ids = Ids(row.GetProperty("ids"));
            Assert.Equal(ids, NotLegacy.Encode(row.GetProperty("text").GetString()!));
            Assert.Equal(row.GetProperty("decoded").GetString(), NotLegacy.Decode(ids));
        }
    }

    [Fact]
    public void Decode_RandomIds_EqualsTheReference()
    {
        using JsonDocument json = Read("decode.json");
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            int[] ids = Ids(row.GetProperty("ids"));
            CheckDecoding(Legacy, row, ids);
            CheckStream(row, ids);
        }
    }

    [Fact]
    public void Decode_IdOutsideTheVocabulary_NamesTheId()
    {
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() => Legacy.Decode([5, 808]));
        Assert.Contains("808", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Legacy.Decode([-1]));
    }

    [Fact]
    public void IsStop_EveryGoldenTriple_EqualsTheReference()
    {
        StopRule rule = new(Legacy, stopAtEndOfSequence: false);
        using JsonDocument json = Read("stop.json");
        int stops = 0;
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            int[] ids = Ids(row.GetProperty("ids"));
            bool stop = row.GetProperty("stop").GetBoolean();
            Assert.Equal(stop, rule.IsStop(ids[0], ids[1], ids[2]));
            rule.Reset(ids.AsSpan(0, 2));
            Assert.Equal(stop, rule.Push(ids[2]));
            stops += stop ? 1 : 0;
        }

        Assert.Equal(6, stops);
    }

    [Fact]
    public void Push_EndOfSequence_StopsOnlyWhereAsked()
    {
        Assert.True(new StopRule(Legacy, stopAtEndOfSequence: true).Push(Legacy.EosId));
        Assert.False(new StopRule(Legacy, stopAtEndOfSequence: false).Push(Legacy.EosId));
    }

    [Fact]
    public void Push_TokensOfTheMarker_AllocatesNothing()
    {
        StopRule rule = new(Legacy, stopAtEndOfSequence: true);
        int[] marker = [13, 298, 38];
        for (int i = 0; i < 300; i++)
        {
            rule.Push(marker[i % 3]);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 300; i++)
        {
            rule.Push(marker[i % 3]);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Answers_EveryGoldenRow_EqualTheReference()
    {
        using JsonDocument json = Read("answers.json");
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            int[] ids = Ids(row.GetProperty("generated"));
            string raw = AnswerText.Raw(Legacy, ids);
            Assert.Equal(row.GetProperty("answer").GetString(), raw);
            Assert.Equal(row.GetProperty("gradio_shown").GetString(), AnswerText.ShownByDemo(raw));
            Assert.Equal(row.GetProperty("inference_shown").GetString(), AnswerText.ShownByInference(raw));
            Assert.DoesNotContain("[AUD", Shown(ids), StringComparison.Ordinal);
            AudioTokenCollector collector = new(Legacy);
            foreach (int id in ids)
            {
                collector.Push(id);
            }

            Assert.Equal(row.GetProperty("music").GetBoolean(), collector.IsComplete);
        }
    }

    [Fact]
    public void Stream_EveryGoldenSequence_NeverTakesTextBackAndEndsAsDecode()
    {
        using JsonDocument texts = Read("encode.json");
        using JsonDocument random = Read("decode.json");
        foreach (JsonElement row in texts.RootElement.EnumerateArray().Concat(random.RootElement.EnumerateArray()))
        {
            int[] ids = Ids(row.GetProperty("ids"));
            Assert.Equal(Legacy.Decode(ids), Streamed(new StreamingDetokenizer(Legacy, exact: true), ids));
            Assert.Equal(Legacy.Decode(ids, true), Streamed(new StreamingDetokenizer(Legacy, skipSpecialTokens: true), ids));
            Assert.Equal(NotLegacy.Decode(ids), Streamed(new StreamingDetokenizer(NotLegacy), ids));
        }
    }

    [Fact]
    public void Stream_ShownSpecialToken_DiffersFromDecodeInSpacesOnly()
    {
        int[] ids = [.. Legacy.Encode("Here is a", addBos: false), Legacy.EosId, .. Legacy.Encode("music", addBos: false)];
        Assert.StartsWith(" Here is a</s>", Legacy.Decode(ids), StringComparison.Ordinal);
        Assert.StartsWith("Here is a</s>", Streamed(new StreamingDetokenizer(Legacy), ids), StringComparison.Ordinal);
    }

    [Fact]
    public void Stream_IncompleteCharacter_IsHeldBack()
    {
        StreamingDetokenizer stream = new(Legacy);
        byte[] bytes = Encoding.UTF8.GetBytes("é");
        Assert.Equal("", stream.Push(3 + bytes[0]));
        Assert.Equal("é", stream.Push(3 + bytes[1]));
        Assert.Equal("", stream.Push(3 + bytes[0]));
        Assert.Equal("\uFFFD", stream.Complete());
    }

    [Fact]
    public void Encode_LongText_TakesTimeInProportion()
    {
        // A quadratic merge would need minutes for this.
        string text = string.Concat(Enumerable.Repeat("a slow calm piano waltz in the evening    ", 5000));
        int[] ids = Legacy.Encode(text, addBos: false);
        Assert.Equal(text, Legacy.Decode(ids));
    }

    [Fact]
    public void Load_DamagedModel_ThrowsForEveryCut()
    {
        byte[] model = File.ReadAllBytes(Path.Combine(Folder, "llama", "tokenizer.model"));
        int refused = 0;
        for (int length = 0; length < model.Length; length += 97)
        {
            try
            {
                LlamaTextTokenizer.FromBytes(model.AsSpan(0, length)).Encode("Hello");
            }
            catch (ModelBundleException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, model.Length / 97 / 2, int.MaxValue);
    }

    [Fact]
    public void Load_RandomlyChangedModel_EitherWorksOrThrowsTheTypedError()
    {
        byte[] model = File.ReadAllBytes(Path.Combine(Folder, "llama", "tokenizer.model"));
        Random random = new(20240311);
        for (int round = 0; round < 300; round++)
        {
            byte[] changed = [.. model];
            for (int i = 0; i < 4; i++)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            try
            {
                LlamaTextTokenizer tokenizer = LlamaTextTokenizer.FromBytes(changed);
                tokenizer.Decode(tokenizer.Encode("A calm piano, 120 BPM [AUD0]</s>"));
            }
            catch (ModelBundleException)
            {
            }
        }
    }

    [Fact]
    public void Load_FolderWithoutModel_NamesTheFile()
    {
        ModelBundleException error = Assert.Throws<ModelBundleException>(() => LlamaTextTokenizer.Load(Folder));
        Assert.Contains("tokenizer.model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_UnigramModel_IsRefused()
    {
        byte[] spiece = File.ReadAllBytes(Path.Combine(Repository.Golden("tok-t5"), "t5", "spiece.model"));
        Assert.Contains("BPE", Assert.Throws<ModelBundleException>(() => LlamaTextTokenizer.FromBytes(spiece)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Format_Instruction_IsTheReferencesPrompt() =>
        Assert.Equal(
            "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
            + "### Instruction:\nPlay {it}\n\n### Response:",
            PromptTemplate.Format("Play {it}"));

    private static void CheckDecoding(LlamaTextTokenizer tokenizer, JsonElement row, int[] ids)
    {
        Assert.Equal(row.GetProperty("decoded").GetString(), tokenizer.Decode(ids));
        Assert.Equal(row.GetProperty("decoded_skip").GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
        Assert.Equal(row.GetProperty("tail3").GetString(), tokenizer.Decode(ids.AsSpan(Math.Max(0, ids.Length - 3))));
    }

    private static void CheckStream(JsonElement row, int[] ids)
    {
        if (!row.TryGetProperty("stream", out JsonElement stream))
        {
            return;
        }

        string text = "";
        int length = 0;
        foreach (JsonElement step in stream.EnumerateArray())
        {
            Rune[] kept = [.. text.EnumerateRunes().Take(step[0].GetInt32())];
            text = string.Concat(kept) + step[1].GetString();
            Assert.Equal(text, Legacy.Decode(ids.AsSpan(0, ++length)));
        }
    }

    private static string Shown(int[] ids)
    {
        AnswerWriter writer = new(Legacy, Fidelity.Reference);
        foreach (int id in ids)
        {
            writer.Push(id);
        }

        writer.Complete(StopReason.LengthLimit);
        return writer.ToString();
    }

    private static string Streamed(StreamingDetokenizer stream, int[] ids)
    {
        StringBuilder text = new();
        foreach (int id in ids)
        {
            text.Append(stream.Push(id));
        }

        return text.Append(stream.Complete()).ToString();
    }

    private static JsonDocument Read(string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, name)));

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
