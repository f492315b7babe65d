namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>Decodes the codes of one piece as they come, hands the sound on, and keeps the whole of it.</summary>
/// <remarks>Not thread-safe. The first chunk is two fifths of a second, so that listening can start early; the others are a second each.</remarks>
internal sealed class AudioEmitter : IDisposable
{
    private readonly EncodecStream _stream;
    private readonly EncodecConfig _codec;
    private readonly IMusicSink _sink;
    private readonly CodeFrames _frames;
    private readonly MusicGenPlan _plan;
    private readonly int _channels;
    private readonly int _maxFramesPerCall;
    private readonly float[] _audio;
    private int _written;

    public AudioEmitter(EncodecDecoder decoder, CodeFrames frames, MusicGenPlan plan, int channels, IMusicSink sink)
    {
        _stream = decoder.Begin(frames, channels);
        _codec = decoder.Config;
        _sink = sink;
        _frames = frames;
        _plan = plan;
        _channels = channels;
        _maxFramesPerCall = decoder.MaxFramesPerCall;
        _audio = new float[plan.SampleCount * channels];
    }

    /// <summary>The sound so far, interleaved; whole after <see cref="Finish"/>.</summary>
    public float[] Audio => _audio;

    /// <summary>Decodes what has become certain, if it is enough for a chunk.</summary>
    public void Advance(CancellationToken cancellationToken)
    {
        int second = Math.Max(1, _codec.SampleRate / _codec.SamplesPerFrame);
        int chunk = _stream.FramesDecoded == 0 ? ((2 * second) + 4) / 5 : second;
        if (_stream.DecodableFrames(_frames.Count, complete: false) - _stream.FramesDecoded >= chunk)
        {
            Decode(complete: false, cancellationToken);
        }
    }

    /// <summary>Decodes everything that is left.</summary>
    public void Finish(CancellationToken cancellationToken) => Decode(complete: true, cancellationToken);

    public void Dispose() => _stream.Dispose();

    private void Decode(bool complete, CancellationToken cancellationToken)
    {
        while (_written < _plan.SampleCount && _stream.Next(_frames.Count, complete, _maxFramesPerCall, cancellationToken) is { } planes)
        {
            Write(planes);
            _sink.Report(new StageProgress(GenerationStage.Decode, _stream.FramesDecoded, _plan.FrameCount));
        }
    }

    /// <summary>Interleaves [channels, samples] and cuts what lies beyond the length asked for.</summary>
    private void Write(float[] planes)
    {
        int length = planes.Length / _channels;
        int count = Math.Min(length, _plan.SampleCount - _written);
        Span<float> target = _audio.AsSpan(_written * _channels, count * _channels);
        for (int channel = 0; channel < _channels; channel++)
        {
            ReadOnlySpan<float> plane = planes.AsSpan(channel * length, count);
            for (int i = 0; i < plane.Length; i++)
            {
                target[(i * _channels) + channel] = plane[i];
            }
        }

        // The sink's copy is its own: the piece that is kept becomes the result's clip, which nobody may write to.
        _sink.Write(new AudioChunk(target.ToArray(), _codec.SampleRate, _channels, AudioClip.DurationOf(_written, _codec.SampleRate)));
        _written += count;
    }
}
