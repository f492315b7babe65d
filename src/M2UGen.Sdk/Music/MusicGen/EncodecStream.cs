using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The state of one decoding by pieces, whose samples are those of a decoding at once wherever the pieces begin.</summary>
/// <remarks>
/// codes ─ quantiser ─ first convolution ─ LSTM ─ upsampling stages ─ samples
///            (left and right frames)   (h, c)   (left and right frames)
/// Three marks move over the frames: codes that are there ≥ frames through the LSTM ≥ frames whose samples were given out. The LSTM runs once over every frame,
/// so it may only see first-convolution outputs that had their true neighbours; its last outputs are kept because the stages behind it look back and ahead.
/// At the two ends of the music nothing is held back: there the graph's own reflection is the truth.
/// Not thread-safe.
/// </remarks>
internal sealed class EncodecStream : IDisposable
{
    private readonly EncodecConfig _config;
    private readonly CodeFrames _codes;
    private readonly int _channels;
    private readonly IModelRun _run;
    private readonly NativeTensor _dropLeft = NativeTensor.Allocate<long>(1);
    private readonly NativeTensor _dropRight = NativeTensor.Allocate<long>(1);
    private readonly NativeTensor _h;
    private readonly NativeTensor _c;
    private readonly NativeTensor _hOut;
    private readonly NativeTensor _cOut;

    // LSTM outputs of the frames from _contextStart to _recurrent, [planes, width, frames].
    private NativeTensor _context;
    private int _contextStart;
    private int _recurrent;
    private int _given;

    public EncodecStream(IOnnxModel model, EncodecConfig config, CodeFrames codes, int channels)
    {
        _config = config;
        _codes = codes;
        _channels = channels;
        Planes = codes.Rows / config.Codebooks;
        _run = model.CreateRun();
        _h = NativeTensor.Allocate<float>(config.LstmLayers, Planes, config.LstmSize);
        _c = NativeTensor.Allocate<float>(config.LstmLayers, Planes, config.LstmSize);
        _hOut = NativeTensor.Allocate<float>(config.LstmLayers, Planes, config.LstmSize);
        _cOut = NativeTensor.Allocate<float>(config.LstmLayers, Planes, config.LstmSize);
        _context = NativeTensor.Allocate<float>(Planes, config.LstmSize, 0);
        _run.BindInput("lstm_h", _h);
        _run.BindInput("lstm_c", _c);
        _run.BindInput("drop_left", _dropLeft);
        _run.BindInput("drop_right", _dropRight);
        _run.BindOutput("lstm_h_out", _hOut);
        _run.BindOutput("lstm_c_out", _cOut);
        _run.BindOutputToAllocated("audio");
        _run.BindOutputToAllocated("context_out");
    }

    /// <summary>Pieces × channels.</summary>
    public int Planes { get; }

    /// <summary>Frames whose samples were given out.</summary>
    public int FramesDecoded => _given;

    /// <summary>Frames whose samples could be given out if <paramref name="available"/> frames of codes were there.</summary>
    public int DecodableFrames(int available, bool complete) =>
        complete ? available : Math.Max(_given, available - _config.FirstRight - _config.ContextRight);

    /// <summary>Decodes the next frames.</summary>
    /// <param name="available">Frames of codes that are there.</param>
    /// <param name="complete">No further frames will come.</param>
    /// <param name="maxFrames">At most so many frames go through the graph in this call.</param>
    /// <param name="cancellationToken">Looked at inside the call.</param>
    /// <returns>[planes, samples] of the frames from <see cref="FramesDecoded"/> on; null when no further sample is certain yet.</returns>
    public float[]? Next(int available, bool complete, int maxFrames, CancellationToken cancellationToken)
    {
        if (DecodableFrames(available, complete) <= _given)
        {
            return null;
        }

        // A piece must move on by one frame at least, whatever its neighbours need.
        int least = _recurrent + Math.Max(1, (_given + _config.ContextRight + 1) - _recurrent);
        int target = Math.Max(least, _recurrent + maxFrames);
        bool last = complete && target + _config.FirstRight >= available;
        int end = last ? available : target;
        int from = Math.Max(0, _recurrent - _config.FirstLeft);
        int to = last ? available : end + _config.FirstRight;
        if (!last && to > available)
        {
            to = available;
            end = available - _config.FirstRight;
        }

        return Decode(from, to, end, last, cancellationToken);
    }

    public void Dispose()
    {
        _run.Dispose();
        _dropLeft.Dispose();
        _dropRight.Dispose();
        _h.Dispose();
        _c.Dispose();
        _hOut.Dispose();
        _cOut.Dispose();
        _context.Dispose();
    }

    /// <summary>Runs frames <paramref name="from"/> to <paramref name="to"/> through the first convolution, keeps those from the LSTM's mark to <paramref name="end"/>.</summary>
    private float[] Decode(int from, int to, int end, bool last, CancellationToken cancellationToken)
    {
        using NativeTensor codes = Codes(from, to);
        _dropLeft.AsSpan<long>()[0] = _recurrent - from;
        _dropRight.AsSpan<long>()[0] = to - end;
        _run.BindInput("codes", codes);
        _run.BindInput("context", _context);
        _run.Run(cancellationToken);
        _hOut.AsSpan<float>().CopyTo(_h.AsSpan<float>());
        _cOut.AsSpan<float>().CopyTo(_c.AsSpan<float>());

        int certain = last ? end : end - _config.ContextRight;
        float[] samples = new float[checked((certain - _given) * _config.SamplesPerFrame * Planes)];
        using (NativeTensor audio = _run.TakeOutput("audio"))
        {
            CopyColumns(audio.AsSpan<float>(), (end - _contextStart) * _config.SamplesPerFrame, (_given - _contextStart) * _config.SamplesPerFrame, samples, Planes);
        }

        int keepFrom = Math.Max(_contextStart, certain - _config.ContextLeft);
        using (NativeTensor outputs = _run.TakeOutput("context_out"))
        {
            NativeTensor kept = NativeTensor.Allocate<float>(Planes, _config.LstmSize, end - keepFrom);
            CopyColumns(outputs.AsSpan<float>(), end - _contextStart, keepFrom - _contextStart, kept.AsSpan<float>(), Planes * _config.LstmSize);
            _context.Dispose();
            _context = kept;
        }

        _contextStart = keepFrom;
        _recurrent = end;
        _given = certain;
        return samples;
    }

    /// <summary>[planes, codebooks, frames] of the codes, channels taken apart.</summary>
    private NativeTensor Codes(int from, int to)
    {
        int count = to - from;
        NativeTensor tensor = NativeTensor.Allocate<long>(Planes, _config.Codebooks, count);
        Span<long> values = tensor.AsSpan<long>();
        for (int plane = 0; plane < Planes; plane++)
        {
            int piece = plane / _channels;
            for (int codebook = 0; codebook < _config.Codebooks; codebook++)
            {
                int row = (((piece * _config.Codebooks) + codebook) * _channels) + (plane % _channels);
                _codes.Row(row, from, count).CopyTo(values[(((plane * _config.Codebooks) + codebook) * count)..]);
            }
        }

        return tensor;
    }

    /// <summary>Copies the columns from <paramref name="first"/> on of [rows, width] into [rows, target / rows].</summary>
    private static void CopyColumns(ReadOnlySpan<float> source, int width, int first, Span<float> target, int rows)
    {
        int count = target.Length / rows;
        for (int row = 0; row < rows; row++)
        {
            source.Slice((row * width) + first, count).CopyTo(target[(row * count)..]);
        }
    }
}
