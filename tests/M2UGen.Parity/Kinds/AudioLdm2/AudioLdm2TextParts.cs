using M2UGen.Export.Sources;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.MusicGen;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>The text side of an AudioLDM2 directory and its ranking, from the exporter's graphs: CLAP, T5, projection and GPT-2, each from its own folder.</summary>
internal sealed class AudioLdm2TextParts : IDisposable
{
    /// <param name="c">The case.</param>
    /// <param name="checkpoint">The directory.</param>
    /// <param name="taps">Inner stages that become outputs: the graphs then only run by <see cref="DiffusionParts.Run"/>.</param>
    public AudioLdm2TextParts(ParityCase c, string checkpoint, params string[] taps)
    {
        string In(string folder) => Path.Combine(checkpoint, folder);
        Clap = new DiffusionParts(c, DiffusionFolder.OpenClap(In("text_encoder")), taps);
        T5 = new DiffusionParts(c, DiffusionFolder.OpenT5(In("text_encoder_2")), taps);
        Projection = new DiffusionParts(c, DiffusionFolder.OpenProjection(In("projection_model")), taps);
        Gpt2 = new DiffusionParts(c, DiffusionFolder.OpenGpt2(In("language_model")), taps);
        ClapText = new ClapTextEncoder(
            Clap.Models,
            new ClapTextConfig(
                Clap.Number(ClapTextEncoder.Component, "vocab_size"),
                Clap.Number(ClapTextEncoder.Component, "pad_token_id"),
                Clap.Number(ClapTextEncoder.Component, "max_tokens"),
                Clap.Number(ClapTextEncoder.Component, "width")),
            RobertaTextTokenizer.Load(In("tokenizer")));
        T5TextTokenizer tokenizer = T5TextTokenizer.Load(In("tokenizer_2"));
        const string Text = MusicGenConfig.TextComponent;
        T5Text = new T5TextEncoder(
            T5.Models,
            new T5TextConfig(T5.Number(Text, "hidden_size"), T5.Number(Text, "vocab_size"), T5.Number(Text, "pad_token_id"), tokenizer.MaxLength ?? T5.Number(Text, "max_positions")),
            tokenizer.Encode);
        ProjectionModel = new ProjectionModel(
            Projection.Models,
            new ProjectionConfig(
                Projection.Number(ProjectionModel.Component, "clap_width"),
                Projection.Number(ProjectionModel.Component, "t5_width"),
                Projection.Number(ProjectionModel.Component, "width")));
        const string Language = Gpt2LanguageModel.Component;
        LanguageModel = new Gpt2LanguageModel(
            Gpt2.Models,
            new Gpt2Config(
                Gpt2.Number(Language, "layers"),
                Gpt2.Number(Language, "heads"),
                Gpt2.Number(Language, "head_size"),
                Gpt2.Number(Language, "hidden_size"),
                Gpt2.Number(Language, "max_positions"),
                Gpt2.Number(Language, "new_tokens")));
        Encoder = new AudioLdm2TextEncoder(ClapText, T5Text, ProjectionModel, LanguageModel);
        ClapAudio = new ClapAudioEncoder(Clap.Models, ConfigOf(Clap));
        Features = new ClapFeatureExtractor(ClapFeatureConfig.From(DiffusionFolder.ReadClapPreprocessing(In("text_encoder"), In("feature_extractor")), checkpoint));
    }

    public DiffusionParts Clap { get; }

    public DiffusionParts T5 { get; }

    public DiffusionParts Projection { get; }

    public DiffusionParts Gpt2 { get; }

    public ClapTextEncoder ClapText { get; }

    public T5TextEncoder T5Text { get; }

    public ProjectionModel ProjectionModel { get; }

    public Gpt2LanguageModel LanguageModel { get; }

    public AudioLdm2TextEncoder Encoder { get; }

    public ClapAudioEncoder ClapAudio { get; }

    public ClapFeatureExtractor Features { get; }

    /// <summary>The audio tower's numbers, as the exporter leaves them for the runtime.</summary>
    public static ClapAudioConfig ConfigOf(DiffusionParts clap) => new(
        clap.Number(ClapAudioEncoder.Component, "channels"),
        clap.Number(ClapAudioEncoder.Component, "mel_bins"),
        clap.Number(ClapAudioEncoder.Component, "max_frames"),
        clap.Number(ClapAudioEncoder.Component, "width"),
        clap.Real(ClapAudioEncoder.Component, "text_logit_scale"),
        clap.Real(ClapAudioEncoder.Component, "audio_logit_scale"));

    public void Dispose()
    {
        foreach (DiffusionParts parts in (DiffusionParts[])[Clap, T5, Projection, Gpt2])
        {
            parts.Dispose();
        }
    }
}
