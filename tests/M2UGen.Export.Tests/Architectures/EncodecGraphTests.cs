using M2UGen.Export.Architectures;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>EnCodec's graphs against the reference, whole and piece by piece.</summary>
public sealed class EncodecGraphTests
{
    private const double AudioTolerance = 5e-5;

    [Fact]
    public void Decode_StereoModelsCodesARowPerChannel_GivesTheReferencesSound()
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-stereo"));
        int[] shape = model.Expected.Shape("codes/pair_g3.0");
        long[] codes = model.Expected.Int64("codes/pair_g3.0");
        int frames = shape[2];
        int codebooks = shape[1] / 2;

        // Rows 0, 2, 4, … are the left channel's, 1, 3, 5, … the right one's: [B, 2K, T] to [B·2, K, T].
        long[] turned = new long[codes.Length];
        for (int row = 0; row < shape[0] * shape[1]; row++)
        {
            int song = row / shape[1];
            int channel = row % 2;
            int codebook = row % shape[1] / 2;
            codes.AsSpan(row * frames, frames).CopyTo(turned.AsSpan(((((song * 2) + channel) * codebooks) + codebook) * frames));
        }

        Dictionary<string, (float[] Values, long[] Shape)> outputs = model.Codec.Decode(turned, shape[0] * 2);

        Assert.Equal([shape[0] * 2, 1, frames * 640], outputs["audio"].Shape);
        Near.Equal(model.Expected.Float("audio/pair_g3.0"), outputs["audio"].Values, AudioTolerance, "audio");
    }

    [Fact]
    public void Encode_StereoPromptARowPerChannel_GivesTheReferencesCodes()
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-stereo"));
        float[] prompt = model.Expected.Float("prompt/input_values");
        int[] shape = model.Expected.Shape("prompt/codes");

        (float[] codes, long[] found) = model.Run(EncodecEncoderGraph.Component, ("audio", prompt, [2, 1, prompt.Length / 2]))["codes"];

        Assert.Equal([2, shape[1] / 2, shape[2]], found);
        long[] expected = model.Expected.Int64("prompt/codes");
        for (int row = 0; row < shape[1]; row++)
        {
            int source = ((row % 2) * (shape[1] / 2)) + (row / 2);
            Assert.Equal(expected[(row * shape[2])..((row + 1) * shape[2])], codes[(source * shape[2])..((source + 1) * shape[2])].Select(code => (long)code));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(640)]
    [InlineData(641)]
    [InlineData(1279)]
    public void Encode_AnyLength_GivesAFrameForEveryBegun640Samples(int samples)
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-stereo"));

        long[] shape = model.Run(EncodecEncoderGraph.Component, ("audio", Numbers.Make(samples, 3), [1, 1, samples]))["codes"].Shape;

        Assert.Equal([1, 4, (samples + 639) / 640], shape);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void Decode_PieceByPiece_GivesTheSameAsWhole(int piece)
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-melody"));
        long[] codes = model.Expected.Int64("codes/text_and_long_g3.5");
        int frames = model.Expected.Shape("codes/text_and_long_g3.5")[2];
        float[] whole = model.Codec.Decode(codes, 1)["audio"].Values;
        Near.Equal(model.Expected.Float("audio/text_and_long_g3.5"), whole, AudioTolerance, "whole");

        Near.Equal(whole, model.Codec.DecodePieceByPiece(codes, frames, piece), 1e-6, $"pieces of {piece}");
    }

    [Fact]
    public void Of_PublishedGeometry_Reaches482SamplesRightAnd466Left()
    {
        using TinyMusicGen model = new(Repository.Golden("musicgen-melody"));

        EncodecStreaming reach = EncodecStreaming.Of(model.Directory.Config.AudioEncoder);

        // 3 frames of 640 samples and 482 more: the 2402 samples that the reference's decodes of a prefix and of the whole differ in.
        Assert.Equal(new EncodecStreaming(3, 3, 466, 482, 640), reach);
        Assert.Equal(1, reach.StackLeftFrames);
        Assert.Equal(1, reach.StackRightFrames);
    }
}
