using System.Diagnostics;
using System.Text.Json.Nodes;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Cli.Bench;

/// <summary>MusicGen: decoder steps alone, the codec alone, and both together as a listener meets them.</summary>
internal static class MusicBench
{
    private const ulong Seed = 1;

    /// <summary>Measures a piece of music made from the options' caption.</summary>
    public static JsonObject Run(ModelBundle bundle, ModelSet models, Bandwidth bandwidth, BenchOptions options, CancellationToken cancellationToken)
    {
        MusicGenDecoder decoder = MusicGenDecoder.Open(models, bundle, options.Batch);
        MusicGenConfig config = decoder.Config;
        MusicOptions music = new() { Duration = options.Duration, Seed = Seed };
        double scale = config.Defaults.GuidanceScale;
        List<Measurement> steps = [];
        List<Measurement> decodings = [];
        for (int run = 0; run <= options.Repeat; run++)
        {
            ConditioningRows rows = decoder.Text.Encode(options.Caption, paddedLength: null, cancellationToken);
            float[] chroma = config.Chroma is { } c ? ChromaFeatures.None(c.ChromaLength, c.ChromaCount) : [];
            MusicGenPlan plan = MusicGenPlan.Create(config, music, Fidelity.Improved, promptFrames: 0, chroma.Length == 0 ? 0 : config.Chroma!.ChromaLength + rows.Length);
            CodeFrames frames = new(config.Codebooks, plan.FrameCount);
            bandwidth.Measure(cancellationToken);
            StepClock clock = new();
            decoder.FillCodes(frames, plan, rows, chroma, scale, CodeChooser.Create(config, music, Seed, frames.Rows), clock.Step, cancellationToken);
            Measurement codes = clock.Stop();
            Measurement decoding = Measurement.Of(() =>
            {
                decoder.Codec.Decode(frames, config.Channels, cancellationToken);
                return frames.Count;
            });
            if (run > 0)
            {
                steps.Add(codes);
                decodings.Add(decoding);
            }
        }

        bandwidth.Measure(cancellationToken);
        Measurement step = Measurement.Median(steps);
        Measurement codec = Measurement.Median(decodings);
        double framesPerSecond = (double)config.Codec.SampleRate / config.Codec.SamplesPerFrame;
        JsonObject result = new()
        {
            ["guidance_scale"] = scale,
            ["steps"] = step.Steps,
            ["decoder_steps_per_second"] = step.Rate,
            ["allocated_bytes_per_step"] = step.BytesPerStep,
            ["encodec_frames"] = codec.Steps,
            ["encodec_times_real_time"] = codec.Rate / framesPerSecond,
        };
        ReadBound.Add(result, step.Rate, ReadBound.WeightBytes(bundle, MusicGenConfig.DecoderComponent), bandwidth.TakeMedian());
        AddWhole(result, decoder, options, music, cancellationToken);
        if (options.Batch > 1)
        {
            result["batch"] = Batch(decoder, options, music, cancellationToken);
        }

        return result;
    }

    /// <summary>Several pieces side by side, from captions to samples: steps and pieces of all of them together.</summary>
    private static JsonObject Batch(MusicGenDecoder decoder, BenchOptions options, MusicOptions music, CancellationToken cancellationToken)
    {
        MusicDecoderRequest[] requests = [.. Enumerable.Range(0, options.Batch).Select(i => new MusicDecoderRequest
        {
            Conditioning = new MusicConditioning { Caption = options.Caption },
            Options = music with { Seed = Seed + (ulong)i },
        })];
        List<Measurement> runs = [];
        for (int run = 0; run <= options.Repeat; run++)
        {
            Measurement whole = Measurement.Of(() => decoder.GenerateBatch(requests, [.. requests.Select(_ => new FirstAudioSink())], cancellationToken).Sum(piece => (long)piece.Steps));
            if (run > 0)
            {
                runs.Add(whole);
            }
        }

        Measurement median = Measurement.Median(runs);
        return new JsonObject
        {
            ["pieces"] = requests.Length,
            ["total_steps_per_second"] = median.Rate,
            ["pieces_per_second"] = median.Seconds > 0 ? requests.Length / median.Seconds : 0,
            ["times_real_time"] = median.Seconds > 0 ? requests.Length * options.Duration.TotalSeconds / median.Seconds : 0,
        };
    }

    /// <summary>From the caption to the last sample, with sound coming out meanwhile.</summary>
    private static void AddWhole(JsonObject result, MusicGenDecoder decoder, BenchOptions options, MusicOptions music, CancellationToken cancellationToken)
    {
        List<(Measurement Whole, double FirstAudio, double Length)> runs = [];
        for (int run = 0; run < options.Repeat; run++)
        {
            FirstAudioSink sink = new();
            MusicDecoding? decoding = null;
            Measurement whole = Measurement.Of(() =>
            {
                decoding = decoder.Generate(new MusicDecoderRequest { Conditioning = new MusicConditioning { Caption = options.Caption }, Options = music }, sink, cancellationToken);
                return decoding.Steps;
            });
            runs.Add((whole, sink.Seconds ?? whole.Seconds, decoding!.Audio.Duration.TotalSeconds));
        }

        (Measurement median, double first, double length) = runs.OrderBy(r => r.Whole.Seconds).ElementAt((runs.Count - 1) / 2);
        result["seconds_of_music"] = length;
        result["time_to_first_audio_seconds"] = first;
        result["total_seconds"] = median.Seconds;
        result["times_real_time"] = median.Seconds > 0 ? length / median.Seconds : 0;
    }

    /// <summary>Counts steps (graph, guidance and sampling, no sound) from the end of the first, which also reads a prompt and plans the runtime's memory.</summary>
    private sealed class StepClock
    {
        private long _start;
        private long _end;
        private long _startBytes;
        private long _endBytes;
        private long _steps;

        public void Step()
        {
            _end = Stopwatch.GetTimestamp();
            _endBytes = GC.GetAllocatedBytesForCurrentThread();
            if (_steps++ == 0)
            {
                (_start, _startBytes) = (_end, _endBytes);
            }
        }

        public Measurement Stop() => new(Stopwatch.GetElapsedTime(_start, _end).TotalSeconds, Math.Max(0, _steps - 1), _endBytes - _startBytes);
    }

    private sealed class FirstAudioSink : IMusicSink
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public double? Seconds { get; private set; }

        public void Write(AudioChunk chunk) => Seconds ??= Stopwatch.GetElapsedTime(_start).TotalSeconds;

        public void Report(StageProgress progress)
        {
        }
    }
}
