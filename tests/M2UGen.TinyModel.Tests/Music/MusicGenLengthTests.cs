using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Music;

/// <summary>How long music becomes, and that streamed sound is the sound of the codes.</summary>
public sealed class MusicGenLengthTests(TinyMusic music) : IClassFixture<TinyMusic>
{
    [Theory]
    [InlineData("mono", 2.5)]
    [InlineData("mono", 0.0101)]
    [InlineData("stereo", 1.2345)]
    [InlineData("melody", 0.777)]
    public void Generate_Duration_GivesExactlyThatManyFiniteSamples(string model, double seconds)
    {
        MusicGenDecoder decoder = music[model];
        RecordingSink sink = new();
        MusicDecoderRequest request = new()
        {
            Conditioning = new MusicConditioning { Caption = "a slow calm piano waltz" },
            Options = new MusicOptions { Duration = TimeSpan.FromSeconds(seconds), Seed = 3 },
        };

        MusicDecoding result = decoder.Generate(request, sink, CancellationToken.None);

        Assert.Equal((int)Math.Round(seconds * decoder.SampleRate), result.Audio.SampleCount);
        Assert.Equal(decoder.Channels, result.Audio.Channels);
        Assert.Equal(decoder.SampleRate, result.Audio.SampleRate);
        Assert.Equal(result.Audio.Samples.ToArray(), sink.Samples);
        Assert.DoesNotContain(result.Audio.Samples.ToArray(), sample => !float.IsFinite(sample));
        Assert.Contains(result.Audio.Samples.ToArray(), sample => Math.Abs(sample) > 1e-3f);
    }

    [Theory]
    [InlineData("mono")]
    [InlineData("stereo")]
    [InlineData("melody")]
    public void Generate_Streamed_EqualsTheCodesDecodedAtOnce(string model)
    {
        MusicGenDecoder decoder = music[model];
        RecordingSink sink = new();

        MusicDecoding result = decoder.Generate(TinyMusic.Greedy("bright marimba", TimeSpan.FromSeconds(3.1)), sink, CancellationToken.None);

        Assert.True(sink.Chunks >= 3, $"{sink.Chunks} chunks.");
        int frames = result.Codes![0].Count;
        CodeFrames codes = CodeFrames.From(result.Codes.SelectMany(row => row.Select(code => (long)code)).ToArray(), result.Codes.Count);
        float[] planes = decoder.Codec.Decode(codes, decoder.Channels, CancellationToken.None);
        int samples = frames * decoder.Config.Codec.SamplesPerFrame;
        float[] streamed = sink.Samples;
        float[] offline = new float[streamed.Length];
        for (int i = 0; i < offline.Length; i++)
        {
            offline[i] = planes[(i % decoder.Channels * samples) + (i / decoder.Channels)];
        }

        Near.Equal(offline, streamed, 1e-4, model);
    }

    [Fact]
    public void Generate_ReferenceFidelity_KeepsItsUntrimmedLength()
    {
        MusicDecoderRequest request = TinyMusic.Greedy("rock", TimeSpan.FromSeconds(1)) with { Fidelity = Fidelity.Reference };

        MusicDecoding result = music.Mono.Generate(request, new RecordingSink(), CancellationToken.None);

        // int(256 / 5 * 1) = 51 steps, three of which the delay pattern takes.
        Assert.Equal(51, result.Steps);
        Assert.Equal(48 * music.Mono.Config.Codec.SamplesPerFrame, result.Audio.SampleCount);
    }

    [Fact]
    public void Generate_BeyondPositions_GoesOnFromHalfAWindow()
    {
        MusicGenDecoder decoder = music.Stereo;
        int perPass = decoder.Config.MaxPositions + 1 - decoder.Config.CodebooksPerChannel;
        TimeSpan longer = FramesOf(decoder, (2 * perPass) + 11);

        MusicDecoding first = decoder.Generate(TinyMusic.Greedy("folk", FramesOf(decoder, perPass)), new RecordingSink(), CancellationToken.None);
        MusicDecoding whole = decoder.Generate(TinyMusic.Greedy("folk", longer), new RecordingSink(), CancellationToken.None);

        Assert.Equal((2 * perPass) + 11, whole.Codes![0].Count);
        Assert.Equal((int)Math.Round(longer.TotalSeconds * decoder.SampleRate), whole.Audio.SampleCount);
        for (int row = 0; row < whole.Codes.Count; row++)
        {
            Assert.Equal(first.Codes![row], whole.Codes[row].Take(perPass));
        }

        // The second pass is a continuation of the last half: the same codes come from giving that half as known frames.
        int kept = perPass / 2;
        CodeFrames frames = new(decoder.Config.Codebooks, perPass);
        for (int row = 0; row < frames.Rows; row++)
        {
            for (int frame = 0; frame < kept; frame++)
            {
                frames[row, frame] = first.Codes![row][perPass - kept + frame];
            }
        }

        MusicGenPlan plan = new(kept, perPass, perPass * decoder.Config.Codec.SamplesPerFrame, [new MusicGenWindow(0, kept, perPass - kept + decoder.Config.CodebooksPerChannel - 1)]);
        decoder.FillCodes(frames, plan, decoder.Text.Encode("folk", null, CancellationToken.None), default, 3, CodeChooser.Greedy(frames.Rows, frames.Rows), null, CancellationToken.None);
        for (int row = 0; row < frames.Rows; row++)
        {
            Assert.Equal(frames.Row(row, kept, perPass - kept).ToArray(), whole.Codes[row].Skip(perPass).Take(perPass - kept).Select(code => (long)code));
        }
    }

    [Fact]
    public void Generate_BeyondPositionsWithReferenceFidelity_SaysWhatFits()
    {
        MusicDecoderRequest request = TinyMusic.Greedy("folk", TimeSpan.FromMinutes(1)) with { Fidelity = Fidelity.Reference };

        ArgumentException error = Assert.Throws<ArgumentException>(() => music.Stereo.Generate(request, new RecordingSink(), CancellationToken.None));

        Assert.Contains("positions", error.Message, StringComparison.Ordinal);
        Assert.Contains("FailBeyondPositions", error.Message, StringComparison.Ordinal);
    }

    private static TimeSpan FramesOf(MusicGenDecoder decoder, int frames) =>
        TimeSpan.FromSeconds((double)frames * decoder.Config.Codec.SamplesPerFrame / decoder.SampleRate);
}
