using System.Runtime.InteropServices;
using M2UGen.Export;
using M2UGen.Sdk;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Pipeline;

/// <summary>What was read before changes no bit of what comes: over real graphs, random requests, media and conversations.</summary>
public sealed class PromptReuseTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private const int Steps = 3;

    private static readonly string[] Words =
    [
        "piano", "Tell me about the harp.", "What do you see?", "Which instruments play in the second part of the piece, and how loud are they?",
        "### Response:", "slow\n\nand calm", "Generate a calm jazz piece with piano.", "Très bien! 🎹",
    ];

    [Theory]
    [InlineData(1, 1, 256)]
    [InlineData(2, 2, 256)]
    [InlineData(3, 3, 24)]
    public void Logits_RandomRequests_AreBitForBitThoseOfAFirstRequest(int seed, int capacity, int chunkSize) => CompareBits(tiny.LanguageOnlyPath, seed, capacity, chunkSize);

    [Fact]
    public async Task Logits_MatricesAndCacheOf8Bits_AreBitForBitThoseOfAFirstRequest()
    {
        string folder = Directory.CreateTempSubdirectory("m2ugen-reuse-").FullName;
        try
        {
            ExportResult exported = await Exporter.ExportAsync(new ExportOptions
            {
                OutputPath = Path.Combine(folder, "int8"),
                Model = Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"),
                LlamaDirectory = Path.Combine(Repository.Golden("m2ugen-base"), "llama"),
                Precision = PrecisionPolicy.Parse("int8"),
            });
            Assert.Equal(TensorElementKind.Int8, LlamaConfig.From(ModelBundle.Open(exported.BundlePath).Component(LanguageModel.Component)).CacheKind);
            CompareBits(exported.BundlePath, seed: 4, capacity: 2, chunkSize: 256);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void CompareBits(string bundlePath, int seed, int capacity, int chunkSize)
    {
        ModelBundle bundle = ModelBundle.Open(bundlePath);
        using ModelSet models = new(bundle, new RuntimeOptions(Threads: 2));
        using PromptCache cache = new(capacity);
        LanguageModel language = LanguageModel.Open(bundle, models);
        LlamaConfig config = language.Config;
        LlamaTextTokenizer tokenizer = language.Tokenizer;
        PrefillPlan plan = new(tokenizer);
        IOnnxModel model = models.Get(LanguageModel.Component);
        Random random = new(seed);
        float[][] prefixes = [bundle.ReadTensor(LanguageModel.TextPrefix), Prefix(), Prefix()];
        List<PastTurn>[] talks = [[], [], []];
        int reused = 0;
        int turnsReused = 0;
        for (int request = 0; request < 30; request++)
        {
            int talk = random.Next(talks.Length);
            float[] prefix = prefixes[random.Next(4) == 0 ? random.Next(prefixes.Length) : talk];
            string instruction = Words[random.Next(Words.Length)];
            int[] prompt = tokenizer.Encode(PromptTemplate.Format(talks[talk], instruction));
            int[] ends = plan.Ends(prompt, chunkSize);
            PromptReader warm = cache.Take(prompt, ends, prefix) ?? new PromptReader(new LlamaDecoder(model, config, config.ContextLength, prefix), prefix);
            int tokens = warm.Read(prompt, ends, prefix, CancellationToken.None);

            // Made for this prompt alone, as without a cache: not even the size of the memory may matter.
            using PromptReader cold = new(new LlamaDecoder(model, config, prompt.Length + Steps, prefix), prefix);
            Assert.Equal(0, cold.Read(prompt, ends, prefix, CancellationToken.None));
            Compare(cold.Decoder, warm.Decoder);
            for (int step = 0; step < Steps; step++)
            {
                int id = random.Next(config.VocabularySize);
                cold.Decoder.Step(id, CancellationToken.None);
                warm.Decoder.Step(id, CancellationToken.None);
                Compare(cold.Decoder, warm.Decoder);
            }

            cache.Give(warm);
            reused += tokens > 0 ? 1 : 0;
            turnsReused += tokens > ends[0] ? 1 : 0;
            talks[talk].Add(new PastTurn(instruction, Words[random.Next(Words.Length)]));
            if (talks[talk].Count > 4)
            {
                talks[talk].Clear();
            }
        }

        // Else the comparison would have compared nothing.
        Assert.True(reused >= 8, $"{reused} of 30 requests went on from another one's prompt");
        Assert.True(turnsReused >= 2, $"{turnsReused} of 30 requests went on behind the head");

        float[] Prefix() => [.. Enumerable.Range(0, config.PrefixLayers * config.Dim).Select(_ => (float)(random.NextDouble() - 0.5))];

        static void Compare(LlamaDecoder expected, LlamaDecoder actual)
        {
            Assert.Equal(expected.Length, actual.Length);
            Assert.Equal(Bits(expected.Logits), Bits(actual.Logits));
            Assert.Equal(Bits(expected.HiddenState), Bits(actual.HiddenState));
        }

        static int[] Bits(ReadOnlySpan<float> values) => MemoryMarshal.Cast<float, int>(values).ToArray();
    }

    [Fact]
    public async Task Conversations_WithHistoryAndMedia_AnswerTheSameWithAnyNumberOfCachedPrompts()
    {
        string[][] answers = await Task.WhenAll(((int[])[0, 1, 4]).Select(async cached =>
        {
            await using M2UGenPipeline pipeline = await TinyM2UGen.LoadAsync(tiny.BundlePath, new PipelineOptions { Threads = 1, CachedPrompts = cached });
            ConversationOptions options = new() { MaxHistoryTurns = 4, Generation = new GenerationOptions { Temperature = 1.5, TopP = 1, Seed = 3, MaxNewTokens = 24 }, HearsLastMusic = false };
            Conversation[] talks = [pipeline.StartConversation(options), pipeline.StartConversation(options)];
            List<string> said = [];
            for (int turn = 0; turn < 4; turn++)
            {
                foreach ((Conversation talk, string picture) in talks.Zip((string[])["image_x.png", "image_y.png"]))
                {
                    M2UGenResult result = await talk.SendAsync(
                        $"{Words[turn]} And what else is there to be seen in the picture?",
                        request => request.WithImage(TinyM2UGen.Medium(picture)).WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(0.1) }));
                    said.Add($"{string.Join(' ', result.Answer!.TokenIds)} {result.Music?.Audio.Samples.Length}");
                }
            }

            return said.ToArray();
        }));
        Assert.Equal(answers[0], answers[1]);
        Assert.Equal(answers[0], answers[2]);
        Assert.True(answers[0].Distinct().Count() > 4, "the answers hardly differ");
    }

    [Fact]
    public void Answer_NextTurnOfAConversation_ReadsOnlyWhatIsNew()
    {
        ModelBundle bundle = ModelBundle.Open(tiny.LanguageOnlyPath);
        using ModelSet models = new(bundle, new RuntimeOptions());
        using PromptCache cache = new(1);
        LanguageModel model = LanguageModel.Open(bundle, models, cache);
        LanguageInput input = new() { Instruction = Words[3], Options = GenerationOptions.Greedy with { MaxNewTokens = 8 }, Fidelity = Fidelity.Improved, Seed = 1 };
        LanguageOutput first = model.Answer(input, null, CancellationToken.None);
        LanguageOutput second = model.Answer(input with { Instruction = "And then?", History = [new PastTurn(Words[3], first.Text)] }, null, CancellationToken.None);
        Assert.Equal(first.PromptTokenCount, second.ReusedTokenCount);
    }
}
