using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Fakes;

/// <summary>A language model that writes a given text, whatever it is asked, with a real tokenizer around it.</summary>
internal sealed class FakeLanguage
{
    public const int Dim = 4;

    /// <summary>What every test asks; the fake finds its place in the script by this prompt's length.</summary>
    public const string Question = "Which instruments play?";

    private readonly int[] _script;

    /// <param name="answer">Tokens to choose; behind them the model repeats the last.</param>
    /// <param name="onToken">Called within the run that chooses token N.</param>
    /// <param name="contextLength">The model's context.</param>
    /// <param name="cachedPrompts">Prompts that the model keeps.</param>
    public FakeLanguage(IEnumerable<int> answer, Action<int, CancellationToken>? onToken = null, int contextLength = 1024, int cachedPrompts = 0)
    {
        _script = [.. answer];
        Onnx = new FakeOnnxModel("llama", (run, token) => Run(run, onToken, token));
        Config = new LlamaConfig
        {
            Layers = 1,
            Heads = 1,
            HeadSize = 8,
            Dim = Dim,
            VocabularySize = Tokenizer.IdCount,
            PrefixLayers = 1,
            ContextLength = contextLength,
        };
        Prompts = new PromptCache(cachedPrompts);
        Model = new LanguageModel(() => Onnx, Config, Tokenizer, new float[Dim], Prompts);
    }

    public static LlamaTextTokenizer Tokenizer { get; } = LlamaTextTokenizer.Load(Path.Combine(Repository.Golden("tok-llama"), "llama"));

    /// <summary>Tokens that decode to "\n###" (a row of the golden stop.json).</summary>
    public static int[] Stop { get; } = [13, 298, 38];

    /// <summary>Tokens of <see cref="Question"/> in its template.</summary>
    public static int PromptLength { get; } = Tokenizer.Encode(PromptTemplate.Format(Question)).Length;

    /// <summary>[AUD0] … [AUD7].</summary>
    public static int[] Music { get; } = [.. Enumerable.Range(Tokenizer.AudioTokenStart, LlamaTextTokenizer.AudioTokenCount)];

    public FakeOnnxModel Onnx { get; }

    public LlamaConfig Config { get; }

    public LanguageModel Model { get; }

    public PromptCache Prompts { get; }

    /// <summary>Sizes of the calls so far: tokens each.</summary>
    public List<int> Calls { get; } = [];

    /// <summary>The prefix of the last run.</summary>
    public float[]? Prefix { get; private set; }

    /// <summary>Tokens of a text, without BOS.</summary>
    public static int[] Text(string text) => Tokenizer.Encode(text, addBos: false);

    private void Run(FakeModelRun run, Action<int, CancellationToken>? onToken, CancellationToken token)
    {
        Span<long> ids = run.Input("input_ids").AsSpan<long>();
        int total = run.Input("total_sequence_length").AsSpan<int>()[0];
        Assert.Equal(total - 1, run.Input("seqlens_k").AsSpan<int>()[0]);
        lock (Calls)
        {
            Calls.Add(ids.Length);
        }

        Prefix = run.Input("prefix").AsSpan<float>().ToArray();

        int index = total - PromptLength;
        if (index < 0)
        {
            return; // a piece of the prompt
        }

        onToken?.Invoke(index, token);
        token.ThrowIfCancellationRequested();
        Span<float> logits = run.Output("logits").AsSpan<float>();
        logits.Clear();
        logits[_script[Math.Min(index, _script.Length - 1)]] = 10;
        run.Output("hidden_states").AsSpan<float>().Fill(index);
    }
}
