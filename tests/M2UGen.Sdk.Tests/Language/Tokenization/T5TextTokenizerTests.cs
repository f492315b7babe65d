using System.Text.Json;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Language.Tokenization;

public sealed class T5TextTokenizerTests
{
    private static readonly string Folder = Repository.Golden("tok-t5");
    private static readonly T5TextTokenizer Current = T5TextTokenizer.Load(Path.Combine(Folder, "t5"));
    private static readonly T5TextTokenizer Published = T5TextTokenizer.Load(Path.Combine(Folder, "t5-published"));

    [Fact]
    public void Encode_EveryGoldenText_EqualsTheFastTokenizer()
    {
        using JsonDocument json = Read("encode.json");
        List<string> wrong = [];
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            string text = row.GetProperty("text").GetString()!;
            int[] ids = Ids(row.GetProperty("ids"));
            if (!ids.SequenceEqual(Current.Encode(text)))
            {
                wrong.Add($"{JsonSerializer.Serialize(text)} [{string.Join(',', ids)}] [{string.Join(',', Current.Encode(text))}]");
                continue;
            }

            Assert.Equal(row.GetProperty("decoded").GetString(), Current.Decode(ids));
            Assert.Equal(row.GetProperty("decoded_skip").GetString(), Current.Decode(ids, skipSpecialTokens: true));
            Assert.Equal(Ids(row.GetProperty("ids_17")), Current.EncodePadded(text, 17).Ids);
            (int[] padded, int[] mask) = Current.EncodePadded(text, 128);
            int length = row.GetProperty("length_128").GetInt32();
            Assert.Equal(length, mask.Sum());
            Assert.Equal(ids.Length > 128 ? [.. ids[..127], 1] : [.. ids, .. new int[128 - ids.Length]], padded);
        }

        Assert.Empty(wrong);
        Assert.Equal(564, json.RootElement.GetArrayLength());
    }

    [Fact]
    public void Encode_PublishedPipeline_EqualsTheFastTokenizer()
    {
        using JsonDocument json = Read("encode-published.json");
        List<string> wrong = [];
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            string text = row.GetProperty("text").GetString()!;
            int[] ids = Ids(row.GetProperty("ids"));
            if (!ids.SequenceEqual(Published.Encode(text)))
            {
                wrong.Add($"{JsonSerializer.Serialize(text)} [{string.Join(',', ids)}] [{string.Join(',', Published.Encode(text))}]");
            }

            Assert.Equal(row.GetProperty("decoded_skip").GetString(), Published.Decode(ids, skipSpecialTokens: true));
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Decode_RandomIds_EqualsTheFastTokenizer()
    {
        using JsonDocument json = Read("decode.json");
        foreach (JsonElement row in json.RootElement.EnumerateArray())
        {
            int[] ids = Ids(row.GetProperty("ids"));
            Assert.Equal(row.GetProperty("decoded").GetString(), Current.Decode(ids));
            Assert.Equal(row.GetProperty("decoded_skip").GetString(), Current.Decode(ids, skipSpecialTokens: true));
            Assert.Equal(row.GetProperty("decoded_noclean").GetString(), Current.Decode(ids, cleanUpSpaces: false));
        }
    }

    [Fact]
    public void Encode_FromSentencePieceModel_EqualsTheConvertedTokenizer()
    {
        string folder = Repository.Golden("musicgen-melody");
        T5TextTokenizer tokenizer = T5TextTokenizer.Load(Path.Combine(folder, "model"));
        GoldenTensors inputs = new(Path.Combine(folder, "inputs.safetensors"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "case.json")));
        string[] texts = [.. json.RootElement.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!)];
        long[] expected = inputs.Int64("text_only_pair/input_ids");
        int length = inputs.Shape("text_only_pair/input_ids")[1];
        int[] both = [.. texts.Take(2).SelectMany(text => tokenizer.EncodePadded(text, length).Ids)];
        Assert.Equal(expected, both.Select(id => (long)id));
    }

    [Fact]
    public void EncodePadded_LongerTextThatMustNotBeCut_Throws()
    {
        Assert.Throws<ArgumentException>(() => Current.EncodePadded("a calm piano waltz", 3, truncate: false));
        Assert.Throws<ArgumentOutOfRangeException>(() => Current.Encode("a", 0));
    }

    [Fact]
    public void Encode_HalfSurrogatePair_CountsAsTheReplacementCharacter() =>
        Assert.Equal(Current.Encode("a\uFFFDb"), Current.Encode("a\uD83Db"));

    [Theory]
    [InlineData("{}", "no 'model'")]
    [InlineData("[]", "expected an object")]
    [InlineData("{", "not JSON")]
    [InlineData("""{"model":{"type":"BPE","vocab":{}}}""", "'BPE'")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[]}}""", "0 pieces")]
    [InlineData("""{"model":{"type":"Unigram","unk_id":7,"vocab":[["a",0]]}}""", "unknown id 7")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a"]]}}""", "[piece, score]")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["\ud800",0]]}}""", "not valid text")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]]},"normalizer":{"type":"Replace","pattern":{"Regex":"(a+)+$"},"content":""}}""", "(a+)+$")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]]},"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"}}""", "character map")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]]},"normalizer":{"type":"Precompiled","precompiled_charsmap":"*"}}""", "not a usable")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]]},"pre_tokenizer":{"type":"BertPreTokenizer"}}""", "'BertPreTokenizer'")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]]},"post_processor":{"type":"TemplateProcessing","single":[]}}""", "leaves the sequence out")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]]},"added_tokens":[{"content":"x","id":2000000000}]}""", "2000000000")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]]},"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"e"}}],"special_tokens":{"e":{"ids":[9]}}}}""", "token 9")]
    public void Load_FileThatCannotBeUsed_SaysWhy(string json, string reason)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(Path.Combine(folder.Path, "tokenizer.json"), json);
        ModelBundleException error = Assert.Throws<ModelBundleException>(() => T5TextTokenizer.Load(folder.Path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_DeeplyNestedFile_ThrowsInsteadOfOverflowing()
    {
        using TemporaryFolder folder = new();
        string nested = string.Concat(Enumerable.Repeat("""{"type":"Sequence","normalizers":[""", 5000)) + string.Concat(Enumerable.Repeat("]}", 5000));
        File.WriteAllText(Path.Combine(folder.Path, "tokenizer.json"), $$"""{"model":{"type":"Unigram","vocab":[["a",0]]},"normalizer":{{nested}} }""");
        Assert.Throws<ModelBundleException>(() => T5TextTokenizer.Load(folder.Path));
    }

    [Fact]
    public void Encode_NormalizerThatBlowsUpTheText_IsStopped()
    {
        using TemporaryFolder folder = new();
        string many = new('a', 200);
        string steps = string.Join(',', Enumerable.Repeat($$$"""{"type":"Replace","pattern":{"String":"a"},"content":"{{{many}}}"}""", 20));
        File.WriteAllText(
            Path.Combine(folder.Path, "tokenizer.json"),
            $$"""{"model":{"type":"Unigram","vocab":[["a",0]]},"normalizer":{"type":"Sequence","normalizers":[{{steps}}]} }""");
        T5TextTokenizer tokenizer = T5TextTokenizer.Load(folder.Path);
        Assert.Throws<ModelBundleException>(() => tokenizer.Encode("aaa"));
    }

    [Fact]
    public void Load_RandomlyChangedModel_EitherWorksOrThrowsTheTypedError()
    {
        byte[] model = File.ReadAllBytes(Path.Combine(Folder, "t5", "spiece.model"));
        Random random = new(7);
        using TemporaryFolder folder = new();
        for (int round = 0; round < 60; round++)
        {
            byte[] changed = [.. model];
            for (int i = 0; i < 40; i++)
            {
                changed[random.Next(round % 2 == 0 ? 12_000 : changed.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(Path.Combine(folder.Path, "spiece.model"), changed);
            try
            {
                T5TextTokenizer tokenizer = T5TextTokenizer.Load(folder.Path);
                tokenizer.Decode(tokenizer.Encode("Ein café\r\n ﬁne ½ 音楽 <extra_id_3> e\u0301 👩‍👩‍👧"));
            }
            catch (ModelBundleException)
            {
            }
        }
    }

    [Fact]
    public void Load_EmptyFolder_NamesBothFiles()
    {
        using TemporaryFolder folder = new();
        ModelBundleException error = Assert.Throws<ModelBundleException>(() => T5TextTokenizer.Load(folder.Path));
        Assert.Contains("tokenizer.json", error.Message, StringComparison.Ordinal);
        Assert.Contains("spiece.model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_ByteFallback_SpellsUnknownTextInBytes()
    {
        using TemporaryFolder folder = new();
        string bytes = string.Join(',', Enumerable.Range(0, 256).Select(i => $"""["<0x{i:X2}>",-50]"""));
        File.WriteAllText(
            Path.Combine(folder.Path, "tokenizer.json"),
            $$"""{"model":{"type":"Unigram","unk_id":0,"byte_fallback":true,"vocab":[["<unk>",-99],["a",-1],{{bytes}}]} }""");
        T5TextTokenizer tokenizer = T5TextTokenizer.Load(folder.Path);
        Assert.Equal([1, 2 + 0xC3, 2 + 0xA9, 1], tokenizer.Encode("aéa"));
    }

    [Fact]
    public void Encode_NormalizerSteps_AreAppliedInOrder()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(
            Path.Combine(folder.Path, "tokenizer.json"),
            """
            {"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",-99],["a",-1],["b",-1],["_",-2],["_ab",-1]]},
             "normalizer":{"type":"Sequence","normalizers":[
               {"type":"Strip","strip_left":true,"strip_right":true},{"type":"Lowercase"},
               {"type":"Replace","pattern":{"Regex":"x+"},"content":" "},{"type":"Replace","pattern":{"String":"q"},"content":"b"}]},
             "pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"first"}}
            """);
        Assert.Equal([4, 3, 2], T5TextTokenizer.Load(folder.Path).Encode("  AQxxxb "));
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("m2ugen-tokenizer-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }

    private static JsonDocument Read(string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, name)));

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
