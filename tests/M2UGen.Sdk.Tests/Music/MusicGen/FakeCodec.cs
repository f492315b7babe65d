using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Music.MusicGen;

/// <summary>A codec decoder of three lines with the real one's shape: a convolution that looks both ways, a recurrence, stages that look both ways again.</summary>
/// <remarks>One number a frame and stage, two samples a frame; both convolutions reflect at the ends of what they are given.</remarks>
internal sealed class FakeCodec : IDisposable
{
    private const int SamplesPerFrame = 2;

    private readonly ModelSet _models;
    private readonly int _reach;

    /// <param name="reach">Frames that each of the convolutions looks to either side.</param>
    public FakeCodec(int reach)
    {
        _reach = reach;
        EncodecConfig config = new(SampleRate: 100, SamplesPerFrame, Codebooks: 2, CodebookSize: 50, LstmLayers: 1, LstmSize: 1, reach, reach, reach, reach);
        Model = new FakeOnnxModel(EncodecConfig.DecoderComponent, Run);
        _models = new ModelSet(_ => Model);
        Decoder = new EncodecDecoder(_models, config);
    }

    public FakeOnnxModel Model { get; }

    public EncodecDecoder Decoder { get; }

    /// <summary>Frames of the longest call so far, context included.</summary>
    public int LongestCall { get; private set; }

    public void Dispose() => _models.Dispose();

    private void Run(FakeModelRun run, CancellationToken cancellationToken)
    {
        NativeTensor codes = run.Input("codes");
        int planes = (int)codes.Shape[0];
        int frames = (int)codes.Shape[2];
        int context = (int)run.Input("context").Shape[2];
        int dropLeft = (int)run.Input("drop_left").AsSpan<long>()[0];
        int kept = frames - dropLeft - (int)run.Input("drop_right").AsSpan<long>()[0];
        LongestCall = Math.Max(LongestCall, context + kept);
        NativeTensor audio = NativeTensor.Allocate<float>(planes, 1, (context + kept) * SamplesPerFrame);
        NativeTensor stage = NativeTensor.Allocate<float>(planes, 1, context + kept);
        for (int plane = 0; plane < planes; plane++)
        {
            ReadOnlySpan<long> own = codes.AsSpan<long>().Slice(plane * 2 * frames, 2 * frames);
            float[] sums = new float[frames];
            for (int t = 0; t < frames; t++)
            {
                sums[t] = own[t] + (3 * own[frames + t]);
            }

            float h = run.Input("lstm_h").AsSpan<float>()[plane];
            Span<float> states = stage.AsSpan<float>().Slice(plane * (context + kept), context + kept);
            run.Input("context").AsSpan<float>().Slice(plane * context, context).CopyTo(states);
            for (int t = 0; t < kept; t++)
            {
                h = (0.5f * h) + Mean(sums, dropLeft + t);
                states[context + t] = h;
            }

            run.Output("lstm_h_out").AsSpan<float>()[plane] = h;
            run.Output("lstm_c_out").AsSpan<float>()[plane] = run.Input("lstm_c").AsSpan<float>()[plane];
            float[] all = states.ToArray();
            for (int t = 0; t < all.Length; t++)
            {
                audio.AsSpan<float>()[(((plane * all.Length) + t) * SamplesPerFrame) + 0] = Mean(all, t);
                audio.AsSpan<float>()[(((plane * all.Length) + t) * SamplesPerFrame) + 1] = -2 * Mean(all, t);
            }
        }

        run.Allocate("audio", audio);
        run.Allocate("context_out", stage);
    }

    private float Mean(float[] values, int at)
    {
        float sum = 0;
        for (int i = at - _reach; i <= at + _reach; i++)
        {
            int from = Math.Abs(i);
            from = from < values.Length ? from : (2 * (values.Length - 1)) - from;

            // Too short to reflect: zeros are appended, as the real convolutions do.
            sum += (from >= 0 && from < values.Length ? values[from] : 0) * (1 + i - at);
        }

        return sum;
    }
}
