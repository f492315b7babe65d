using System.Text.Json;
using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Sdk.Tests.Language.Tokenization;

/// <summary>The rules one by one; the golden tables of the parity runner check them together.</summary>
public sealed class RobertaTextTokenizerTests
{
    // <s> 0, <pad> 1, </s> 2, <unk> 3, then the 256 bytes, then what the merges make, then <mask>.
    private static readonly string[] Merges = ["h e", "l l", "he ll", "hell o", "\u0120 w", "a a", "a b", "aa a", "\u0120 \u0120"];
    private static readonly Dictionary<string, int> Vocabulary = MakeVocabulary();

    [Theory]
    [InlineData("", "")]
    [InlineData("hello", "hello")]
    [InlineData("hello world", "hello|\u0120w|o|r|l|d")]
    [InlineData("we'll 've''s 'S", "w|e|'|ll|\u0120|'|v|e|'|'|s|\u0120|'|S")]
    [InlineData("x's", "x|'|s")]
    [InlineData("  w", "\u0120|\u0120w")]
    [InlineData("w   ", "w|\u0120\u0120|\u0120")]
    [InlineData("a\n w", "a|\u010A|\u0120w")]
    [InlineData("a\n\nb", "a|\u010A|\u010A|b")]
    [InlineData("12a1", "1|2|a|1")]
    [InlineData("\u00E9", "\u00C3|\u00A9")]
    [InlineData("aaaa", "aa|aa")] // "a a" is joined everywhere before "aa a" has its turn
    [InlineData("aaaaa", "aa|aaa")]
    public void Encode_Text_IsCutAndJoinedByRank(string text, string tokens)
    {
        using TokenizerFolder folder = new(Json());
        RobertaTextTokenizer tokenizer = RobertaTextTokenizer.Load(folder.Path);
        int[] own = [.. tokens.Split('|', StringSplitOptions.RemoveEmptyEntries).Select(token => Vocabulary[token])];
        Assert.Equal([0, .. own, 2], tokenizer.Encode(text));
        Assert.Equal(text, tokenizer.Decode(own, cleanUpSpaces: false));
    }

    [Fact]
    public void Encode_SpecialTokensInText_BecomeTheirIds()
    {
        using TokenizerFolder folder = new(Json());
        RobertaTextTokenizer tokenizer = RobertaTextTokenizer.Load(folder.Path);
        int mask = Vocabulary["<mask>"];
        Assert.Equal([0, Vocabulary["a"], mask, Vocabulary["\u0120"], 2, Vocabulary["b"], 2], tokenizer.Encode("a \n <mask> </s>b"));
        Assert.Equal("a b", tokenizer.Decode([0, Vocabulary["a"], mask, Vocabulary["\u0120"], 2, Vocabulary["b"], 2], skipSpecialTokens: true));
    }

    [Fact]
    public void Encode_PrefixSpace_IsToldByTheSettingsAlone()
    {
        using TokenizerFolder folder = new(Json(prefixSpace: true));
        Assert.Equal([0, Vocabulary["w"], 2], RobertaTextTokenizer.Load(folder.Path).Encode("w"));
        folder.Write("tokenizer_config.json", """{"add_prefix_space":true}""");
        RobertaTextTokenizer tokenizer = RobertaTextTokenizer.Load(folder.Path);
        Assert.Equal([0, Vocabulary["\u0120w"], 2], tokenizer.Encode("w"));
        Assert.Equal([0, Vocabulary["\u0120w"], 2], tokenizer.Encode(" w"));
        Assert.Equal([0, 2], tokenizer.Encode(""));
    }

    [Fact]
    public void Load_VocabularyAndMerges_IsTheSameTokenizer()
    {
        using TokenizerFolder whole = new(Json());
        using TokenizerFolder parts = new(null);
        parts.Write("vocab.json", JsonSerializer.Serialize(Vocabulary));
        parts.Write("merges.txt", "#version: 0.2\r\n" + string.Concat(Merges.Append(Merges[0]).Select(merge => merge + "\r\n")));
        RobertaTextTokenizer expected = RobertaTextTokenizer.Load(whole.Path);
        RobertaTextTokenizer actual = RobertaTextTokenizer.Load(parts.Path);
        foreach (string text in (string[])["", "hello  world", "a <mask>'s \u97F3\u697D", "\uD83Dx"])
        {
            Assert.Equal(expected.Encode(text), actual.Encode(text));
        }
    }

    [Fact]
    public void EncodePadded_LongText_KeepsTheEndToken()
    {
        using TokenizerFolder folder = new(Json());
        folder.Write("tokenizer_config.json", """{"model_max_length":5}""");
        RobertaTextTokenizer tokenizer = RobertaTextTokenizer.Load(folder.Path);
        Assert.Equal(5, tokenizer.MaxLength);
        (int[] ids, int[] mask) = tokenizer.EncodePadded("1234567", 5);
        Assert.Equal([0, Vocabulary["1"], Vocabulary["2"], Vocabulary["3"], 2], ids);
        Assert.Equal([1, 1, 1, 1, 1], mask);
        (ids, mask) = tokenizer.EncodePadded("1", 5);
        Assert.Equal([0, Vocabulary["1"], 2, 1, 1], ids);
        Assert.Equal([1, 1, 1, 0, 0], mask);
    }

    [Theory]
    [InlineData("1e30")]
    [InlineData("1000000000000000019884624838656")]
    public void Load_AstronomicMaxLength_IsNone(string number)
    {
        using TokenizerFolder folder = new(Json());
        folder.Write("tokenizer_config.json", $$"""{"model_max_length":{{number}}}""");
        Assert.Null(RobertaTextTokenizer.Load(folder.Path).MaxLength);
    }

    [Fact]
    public void Encode_OneVeryLongWord_IsNoQuadraticWork()
    {
        // A hundred thousand merges in one word: with a scan for the best pair a merge this would take minutes.
        using TokenizerFolder folder = new(Json());
        int[] ids = RobertaTextTokenizer.Load(folder.Path).Encode(new string('a', 1 << 18));
        Assert.Equal((1 << 17) + 2, ids.Length);
    }

    [Fact]
    public void Encode_CharactersOutsideTheVocabulary_AreDroppedOrUnknown()
    {
        Dictionary<string, int> few = new() { ["<s>"] = 0, ["</s>"] = 2, ["<unk>"] = 3, ["a"] = 5, ["b"] = 6, ["ab"] = 9 };
        using TokenizerFolder dropped = new(Json(vocabulary: few, merges: ["a b"]));
        Assert.Equal([0, 9, 2], RobertaTextTokenizer.Load(dropped.Path).Encode("azb"));
        using TokenizerFolder unknown = new(Json(vocabulary: few, merges: ["a b"], model: "\"unk_token\":\"<unk>\","));
        Assert.Equal([0, 5, 3, 3, 6, 2], RobertaTextTokenizer.Load(unknown.Path).Encode("azzb"));
        using TokenizerFolder fused = new(Json(vocabulary: few, merges: ["a b"], model: "\"unk_token\":\"<unk>\",\"fuse_unk\":true,"));
        Assert.Equal([0, 5, 3, 6, 2], RobertaTextTokenizer.Load(fused.Path).Encode("azzb"));
        Assert.Equal("ab", RobertaTextTokenizer.Load(dropped.Path).Decode([4, 9, 1000]));
    }

    [Theory]
    [InlineData("""{"type":"Unigram","vocab":[["a",0]]}""", "'Unigram'")]
    [InlineData("""{"type":"BPE","vocab":{"a":0},"merges":["a b"]}""", "merge 0 needs 'b'")]
    [InlineData("""{"type":"BPE","vocab":{"a":0},"merges":["a"]}""", "merge 0 is not a pair")]
    [InlineData("""{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}""", "merge 0 is not a pair")]
    [InlineData("""{"type":"BPE","vocab":{"a":2000000000},"merges":[]}""", "2000000000")]
    [InlineData("""{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}""", "same id 0")]
    [InlineData("""{"type":"BPE","vocab":{},"merges":[]}""", "0 tokens")]
    [InlineData("""{"type":"BPE","vocab":{"a":"x"},"merges":[]}""", "no whole number")]
    [InlineData("""{"type":"BPE","vocab":{"\ud800":0},"merges":[]}""", "not valid text")]
    [InlineData("""{"type":"BPE","vocab":{"a":0}}""", "no 'merges'")]
    [InlineData("""{"type":"BPE","dropout":0.1,"vocab":{"a":0},"merges":[]}""", "'dropout'")]
    [InlineData("""{"type":"BPE","unk_token":"u","vocab":{"a":0},"merges":[]}""", "unknown token 'u'")]
    public void Load_ModelThatCannotBeUsed_SaysWhy(string model, string reason)
    {
        using TokenizerFolder folder = new($$"""{"model":{{model}}}""");
        ModelBundleException error = Assert.Throws<ModelBundleException>(() => RobertaTextTokenizer.Load(folder.Path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_EmptyFolder_NamesTheFiles()
    {
        using TokenizerFolder folder = new(null);
        ModelBundleException error = Assert.Throws<ModelBundleException>(() => RobertaTextTokenizer.Load(folder.Path));
        Assert.Contains("vocab.json", error.Message, StringComparison.Ordinal);
    }

    private static string Json(
        bool prefixSpace = false, IReadOnlyDictionary<string, int>? vocabulary = null, IReadOnlyList<string>? merges = null, string model = "") =>
        $$"""
        {"added_tokens":[{"id":{{(vocabulary ?? Vocabulary)["</s>"]}},"content":"</s>","normalized":true,"special":true}],
         "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":{{(prefixSpace ? "true" : "false")}},"trim_offsets":true},
         "post_processor":{"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",0]},
         "decoder":{"type":"ByteLevel"},
         "model":{"type":"BPE",{{model}}"vocab":{{JsonSerializer.Serialize(vocabulary ?? Vocabulary)}},"merges":{{JsonSerializer.Serialize(merges ?? Merges)}}} }
        """;

    private static Dictionary<string, int> MakeVocabulary()
    {
        Dictionary<string, int> vocabulary = [];
        string[] tokens =
        [
            "<s>", "<pad>", "</s>", "<unk>",
            .. Enumerable.Range(0, 256).Select(ByteSign),
            .. Merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)),
            "<mask>",
        ];
        foreach (string token in tokens)
        {
            vocabulary.Add(token, vocabulary.Count);
        }

        return vocabulary;
    }

    /// <summary>GPT-2's sign for a byte: itself if visible, else U+0100 and on in order.</summary>
    private static string ByteSign(int value)
    {
        static bool IsVisible(int b) => b is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;
        return ((char)(IsVisible(value) ? value : 256 + Enumerable.Range(0, value).Count(b => !IsVisible(b)))).ToString();
    }

    private sealed class TokenizerFolder : IDisposable
    {
        public TokenizerFolder(string? json)
        {
            if (json is not null)
            {
                Write("tokenizer.json", json);
            }
        }

        public string Path { get; } = Directory.CreateTempSubdirectory("m2ugen-tokenizer-").FullName;

        public void Write(string name, string text) => File.WriteAllText(System.IO.Path.Combine(Path, name), text);

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
