using M2UGen.Sdk.Language;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>The lengths of a request: what can be known of them before its work, and then with its media decoded.</summary>
internal static class RequestDemand
{
    // Sound whose file has not been read yet: a minute, which is the longest that an encoder hears at once.
    private static readonly TimeSpan UnknownAudio = TimeSpan.FromMinutes(1);

    // A word piece has three letters or more on average, in every language that the tokenizers were made for.
    private const int LettersOfToken = 3;

    /// <summary>The demand of a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="media">Its media; null before they are read.</param>
    /// <param name="music">The music's options with its length settled; null where none is made.</param>
    /// <param name="parts">The pipeline's parts.</param>
    /// <param name="options">The pipeline's options.</param>
    /// <param name="fidelity">Which habits of the reference are kept.</param>
    public static MemoryDemand Of(M2UGenRequest request, LoadedMedia? media, MusicOptions? music, PipelineParts parts, PipelineOptions options, Fidelity fidelity)
    {
        AudioClip? sound = media?.Audio ?? (parts.Encoders is { HearsAudio: true } && request.Media.Audio is null ? request.Media.LastMusic : null);
        return new MemoryDemand
        {
            Answers = parts.Language is not null,
            PromptTokens = parts.Language is { } language ? PromptTokens(language, request, fidelity) : 1,
            NewTokens = request.Generation.MaxNewTokens,
            PrefillChunkSize = options.PrefillChunkSize,
            CachedPrompts = options.CachedPrompts,
            Audio = sound?.Duration ?? (media is null && request.Media.Audio is not null ? UnknownAudio : null),
            HasImage = media is null ? request.Media.Image is not null : media.Image is not null,
            HasVideo = media is null ? request.Media.Video is not null : media.Frames is not null,
            MediaBytes = media is null ? null : BytesOf(media),
            Music = parts.Music is MusicGenDecoder or AudioLdm2Decoder ? music : null,
            Fidelity = fidelity,
            CaptionTokens = parts.Language is null ? 1 + (request.Prompt.Length / LettersOfToken) : request.Generation.MaxNewTokens,
            AudioPrompt = request.AudioPrompt?.Duration,
        };
    }

    private static int PromptTokens(LanguageModel language, M2UGenRequest request, Fidelity fidelity) =>
        new PromptBuilder(language.Tokenizer, language.Config.ContextLength).Build(new LanguageInput
        {
            Instruction = request.Prompt,
            History = request.History,
            Options = request.Generation,
            Fidelity = fidelity,
            Seed = 0,
        }).Length;

    private static long BytesOf(LoadedMedia media) =>
        ((media.Audio?.Samples.Length ?? 0L) * sizeof(float))
        + (media.Image?.Rgb.Length ?? 0)
        + (media.Frames?.Distinct().Sum(frame => (long)frame.Rgb.Length) ?? 0);
}
