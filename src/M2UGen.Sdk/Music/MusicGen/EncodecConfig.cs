using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The numbers of the codec (EnCodec, arXiv:2210.13438) that the code around its graphs needs.</summary>
/// <param name="SampleRate">In Hz.</param>
/// <param name="SamplesPerFrame">Samples that one frame of codes stands for (the product of the strides).</param>
/// <param name="Codebooks">Codes of a frame, of one channel.</param>
/// <param name="CodebookSize">Codes are 0 to this, exclusive.</param>
/// <param name="LstmLayers">Layers of the decoder's LSTM.</param>
/// <param name="LstmSize">Its width.</param>
/// <param name="FirstLeft">Frames on the left that the decoder's first convolution looks at.</param>
/// <param name="FirstRight">Frames on the right that it looks at.</param>
/// <param name="ContextLeft">Frames on the left that the stages behind the LSTM look at, rounded up.</param>
/// <param name="ContextRight">Frames on the right that they look at, rounded up.</param>
internal sealed record EncodecConfig(
    int SampleRate,
    int SamplesPerFrame,
    int Codebooks,
    int CodebookSize,
    int LstmLayers,
    int LstmSize,
    int FirstLeft,
    int FirstRight,
    int ContextLeft,
    int ContextRight)
{
    public const string DecoderComponent = "encodec-decoder";
    public const string EncoderComponent = "encodec-encoder";

    /// <summary>Reads the codec's numbers from the manifest; no graph is loaded.</summary>
    /// <exception cref="ModelBundleException">The bundle has no codec, or a number is missing or out of range.</exception>
    public static EncodecConfig From(ModelBundle bundle)
    {
        ComponentNumbers numbers = new(bundle, DecoderComponent);
        return new EncodecConfig(
            numbers.Required("sample_rate", most: AudioClip.MaxSampleRate),
            numbers.Required("samples_per_frame", most: 1 << 20),
            numbers.Required("codebooks", most: 1024),
            numbers.Required("codebook_size"),
            numbers.Required("lstm_layers", most: 64),
            numbers.Required("lstm_size"),
            numbers.Required("conv_left_frames", least: 0, most: 4096),
            numbers.Required("conv_right_frames", least: 0, most: 4096),
            numbers.Required("stack_left_frames", least: 0, most: 4096),
            numbers.Required("stack_right_frames", least: 0, most: 4096));
    }
}
