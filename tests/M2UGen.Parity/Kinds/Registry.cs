using M2UGen.Parity.Kinds.AudioLdm2;
using M2UGen.Parity.Kinds.Encoders;
using M2UGen.Parity.Kinds.MusicGen;
using M2UGen.Sdk.Language.Tokenization;

namespace M2UGen.Parity.Kinds;

/// <summary>Which handler runs which kind, and which kinds have none yet.</summary>
internal static class Registry
{
    private static readonly IParityKind[] Handlers =
    [
        new M2UGenKind(),
        new CheckpointFilesKind(),
        new MediaAudioKind(),
        new MediaVideoKind(),
        new MediaResampleKind(),
        new MediaResizeKind(),
        new MediaImageKind(),
        new MediaLengthsKind(),
        new KnnKind(),
        new MatMulNBitsKind(),
        new MertKind(),
        new VitKind(),
        new VivitKind(),
        new MusicGenSmallKind(),
        new MusicGenT5Kind(),
        new MusicGenEncodecKind(),
        new MusicGenEmbeddingKind(),
        new MusicGenContinuationKind(),
        new MusicGenMelodyKind(),
        new MusicGenStereoKind(),
        new TokenizerLlamaKind(),
        new TokenizerLlamaRealKind(),
        new FastTokenizerKind("tokenizer-t5", T5TextTokenizer.Load),
        new FastTokenizerKind("tokenizer-roberta", RobertaTextTokenizer.Load, optionalFile: "tokenizer.json"),
        new SamplingKind(),
        new MusicGenSamplingKind(),
        new MusicGenDelayKind(),
        new VocoderKind(),
        new VaeDecoderKind(),
        new ClapAudioKind(),
        new SchedulersKind(),
        new AudioLdm2Kind(),
    ];

    private const string Evaluation = "needs the evaluation kit, which is not there yet";

    // Known kinds without a handler. A kind that is in neither table is a failure, so that a misspelt one cannot pass for a skip.
    private static readonly (string Pattern, string Reason)[] Later =
    [
        ("m2ugen-training", "needs the training kit, which is not there yet"),
        ("metrics-*", Evaluation),
        ("vggish", Evaluation),
        ("passt", Evaluation),
        ("imagebind", Evaluation),
        ("bertscore", Evaluation),
    ];

    public static IParityKind? Find(string kind) => Array.Find(Handlers, h => h.Handles(kind));

    /// <summary>Why a known kind cannot be run yet; null for a kind nobody knows.</summary>
    public static string? LaterReason(string kind) =>
        Array.Find(Later, l => Wildcard.Matches(l.Pattern, kind)).Reason;
}
