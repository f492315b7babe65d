using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2;

public sealed class HifiGanVocoderTests
{
    private static readonly VocoderConfig Config = new(MelBins: 4, SampleRate: 16000, SamplesPerFrame: 160, ExtraSamples: 32);

    [Fact]
    public void Decode_TwoSpectrograms_GivesWhatTheGraphWrote()
    {
        using ModelSet models = new(component => new FakeOnnxModel(component, (run, _) =>
        {
            Assert.Equal([2, 3, 4], run.Input("mel").Shape.ToArray());
            Assert.Equal([2, 512], run.Output("waveform").Shape.ToArray());
            run.Output("waveform").AsSpan<float>().Fill(run.Input("mel").AsSpan<float>()[23]);
        }));
        float[] mel = new float[24];
        mel[23] = 0.25f;

        float[] waveform = new HifiGanVocoder(models, Config).Decode(mel, 2, CancellationToken.None);

        Assert.Equal(1024, waveform.Length);
        Assert.All(waveform, value => Assert.Equal(0.25f, value));
    }

    [Theory]
    [InlineData(25, 2)]
    [InlineData(4, 2)]
    public void Decode_NoWholeFrames_IsRefused(int values, int batch)
    {
        using ModelSet models = new(component => new FakeOnnxModel(component, (_, _) => { }));

        Assert.Throws<ArgumentException>(() => new HifiGanVocoder(models, Config).Decode(new float[values], batch, CancellationToken.None));
    }
}
