using System.Diagnostics;
using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Cli.Bench;

/// <summary>AudioLDM2: the time of each part of a piece, and diffusion steps a second.</summary>
internal static class DiffusionBench
{
    private const ulong Seed = 1;

    // Enough steps to time one; the whole piece is what they make of the settings' number.
    private const int MeasuredSteps = 10;

    /// <summary>Measures a piece of music made from the options' caption.</summary>
    public static JsonObject Run(ModelBundle bundle, ModelSet models, RuntimeOptions runtime, BenchOptions options, CancellationToken cancellationToken)
    {
        AudioLdm2Decoder decoder = AudioLdm2Decoder.Open(models, bundle, releaseStages: false);
        MusicDecoderRequest request = new()
        {
            Conditioning = new MusicConditioning { Caption = options.Caption },
            Options = new MusicOptions { Duration = options.Duration, Seed = Seed },
        };
        (DiffusionSettings released, AudioLdm2Plan plan) = decoder.Plan(request);
        DiffusionSettings settings = released with { Steps = Math.Min(released.Steps, MeasuredSteps), Waveforms = 1 };
        Dictionary<string, List<Measurement>> parts = [];
        Dictionary<string, long> sizes = new() { ["samples"] = 1, ["height"] = plan.LatentHeight, ["width"] = plan.LatentWidth };
        for (int run = 0; run <= options.Repeat; run++)
        {
            bool counts = run > 0;
            UNetCondition condition = Time("captions", () => decoder.Conditioner.Create(request, settings, cancellationToken));
            using UNetSession session = Time("begin", () => decoder.UNet.Begin(condition, DiffusionLoop.Times(settings), samples: 1, plan.LatentHeight, plan.LatentWidth, cancellationToken));
            foreach ((string dimension, long size) in session.ConditionSizes)
            {
                sizes[dimension] = size;
            }

            DiffusionLoop loop = new(session, settings);
            float[] noise = DiffusionLoop.StartNoise(Seed, 0, loop.Sample.Length);
            Keep("steps", TimeSteps(loop, noise, cancellationToken));
            float[] latents = loop.Sample.ToArray();
            float[] mel = Time("vae_decoder", () => decoder.Vae.Decode(latents, 1, plan.LatentHeight, plan.LatentWidth, cancellationToken));
            float[] waveform = Time("vocoder", () => decoder.Vocoder.Decode(mel, 1, cancellationToken))[..plan.SampleCount];
            Time("ranking", () => decoder.Rank(options.Caption, [waveform, waveform], Seed, cancellationToken));

            T Time<T>(string part, Func<T> work)
            {
                T? result = default;
                Keep(part, Measurement.Of(() =>
                {
                    result = work();
                    return 1;
                }));
                return result!;
            }

            void Keep(string part, Measurement measurement)
            {
                if (counts)
                {
                    if (!parts.TryGetValue(part, out List<Measurement>? list))
                    {
                        parts.Add(part, list = []);
                    }

                    list.Add(measurement);
                }
            }
        }

        JsonObject result = Report(parts.ToDictionary(part => part.Key, part => Measurement.Median(part.Value)), released, plan, decoder.SampleRate);
        if (options.Presets)
        {
            result["presets"] = ComparePresets(decoder, request, cancellationToken);
        }

        // A GPU's operators end after the runtime's clock has stopped, and its products would have to be bound to its memory.
        if (runtime.Provider == ExecutionProviderKind.Cpu)
        {
            // The graph is loaded once more, with its clocks on: not twice at a time.
            models.Unload(UNet.Component);
            result["unet_step"] = UNetStepBench.Run(bundle, runtime, sizes, options.Repeat, cancellationToken);
        }

        return result;
    }

    /// <summary>Every preset's latents from the same noise: model calls, seconds, and the distance to the reference preset's, as root mean square relative to theirs.</summary>
    private static JsonObject ComparePresets(AudioLdm2Decoder decoder, MusicDecoderRequest request, CancellationToken cancellationToken)
    {
        JsonObject result = [];
        float[]? reference = null;
        foreach (MusicQuality quality in new[] { MusicQuality.Reference, MusicQuality.Standard, MusicQuality.Draft })
        {
            (DiffusionSettings settings, AudioLdm2Plan plan) = decoder.Plan(request with { Options = request.Options with { Quality = quality } });
            UNetCondition condition = decoder.Conditioner.Create(request, settings, cancellationToken);
            float[] latents = [];
            Measurement time = Measurement.Of(() =>
            {
                latents = decoder.Denoise(condition, settings with { Waveforms = 1 }, plan, Seed, sink: null, cancellationToken)[0];
                return 1;
            });
            reference ??= latents;
            result[quality.ToString().ToLowerInvariant()] = new JsonObject
            {
                ["model_calls"] = DiffusionLoop.Times(settings).Length,
                ["seconds"] = time.Seconds,
                ["relative_distance"] = TensorPrimitives.Distance<float>(latents, reference) / TensorPrimitives.Norm<float>(reference),
            };
        }

        return result;
    }

    /// <summary>Steps from the end of the first, in which the scheduler makes its tables and the runtime plans its memory.</summary>
    private static Measurement TimeSteps(DiffusionLoop loop, float[] noise, CancellationToken cancellationToken)
    {
        long start = 0, bytes = 0;
        int done = 0;
        loop.Run(noise, Seed, 0, Stepped, cancellationToken);
        return new Measurement(Stopwatch.GetElapsedTime(start).TotalSeconds, Math.Max(1, done - 1), GC.GetAllocatedBytesForCurrentThread() - bytes);

        void Stepped(int step)
        {
            done = step;
            if (step == 1)
            {
                bytes = GC.GetAllocatedBytesForCurrentThread();
                start = Stopwatch.GetTimestamp();
            }
        }
    }

    private static JsonObject Report(Dictionary<string, Measurement> parts, DiffusionSettings released, AudioLdm2Plan plan, int sampleRate)
    {
        // Ranking two clips was timed; each candidate is decoded and heard once, captions are read once.
        Measurement steps = parts["steps"];
        double perStep = steps.Seconds / steps.Steps;
        int calls = DiffusionLoop.Times(released).Length;
        Dictionary<string, double> seconds = new()
        {
            ["captions"] = parts["captions"].Seconds + parts["begin"].Seconds,
            ["diffusion"] = perStep * calls * released.Waveforms,
            ["vae_decoder"] = parts["vae_decoder"].Seconds * released.Waveforms,
            ["vocoder"] = parts["vocoder"].Seconds * released.Waveforms,
            ["ranking"] = released.Waveforms > 1 ? parts["ranking"].Seconds / 2 * released.Waveforms : 0,
        };
        double total = seconds.Values.Sum();
        double length = (double)plan.SampleCount / sampleRate;
        JsonObject shares = [];
        foreach ((string part, double time) in seconds)
        {
            shares[part] = total > 0 ? time / total : 0;
        }

        return new JsonObject
        {
            ["guidance_scale"] = released.GuidanceScale,
            ["measured_steps"] = steps.Steps,
            ["steps_per_second"] = steps.Rate,
            ["allocated_bytes_per_step"] = steps.BytesPerStep,
            ["seconds_of_music"] = length,
            ["steps_of_a_piece"] = calls,
            ["candidates"] = released.Waveforms,
            ["estimated_total_seconds"] = total,
            ["estimated_times_real_time"] = total > 0 ? length / total : 0,
            ["share_of_time"] = shares,
        };
    }
}
