using System.Text.Json.Nodes;
using M2UGen.Sdk;
using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Encoders.Mert;
using M2UGen.Sdk.Encoders.Vit;
using M2UGen.Sdk.Encoders.Vivit;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Cli.Bench;

/// <summary>The encoders: seconds for a minute of sound, a picture, a film, next to what the matrix product of the same run would take for as many operations.</summary>
internal static class EncoderBench
{
    private const int Minute = 60;

    /// <summary>Measures the encoders that the bundle has; media are noise, since speed does not depend on them.</summary>
    public static JsonObject Run(ModelBundle bundle, MediaEncoders encoders, Calibration calibration, BenchOptions options, CancellationToken cancellationToken)
    {
        JsonObject result = [];
        Random noise = new(1);
        if (encoders.Mert is { } mert)
        {
            // At the encoder's own rate, so that nothing is resampled here.
            AudioClip minute = AudioClip.FromSamples([.. Enumerable.Range(0, Minute * mert.SampleRate).Select(_ => noise.NextSingle() - 0.5f)], mert.SampleRate);
            double? flops = new EncoderWork(bundle.Component(MertEncoder.Component)).OfWindow(minute.SampleCount);
            result["mert"] = Part("seconds_per_minute", flops, calibration, Time(options, () => mert.Encode(minute, Fidelity.Improved, null, cancellationToken)));
        }

        if (encoders.Vit is { } vit)
        {
            ImageFrame picture = Picture(noise, 512, 384);
            double? flops = new EncoderWork(bundle.Component(VitEncoder.Component)).OfPixels();
            result["vit"] = Part("seconds_per_picture", flops, calibration, Time(options, () => vit.Encode(picture, cancellationToken)));
        }

        if (encoders.Vivit is { } vivit)
        {
            ImageFrame[] frames = [.. Enumerable.Range(0, vivit.FrameCount).Select(_ => Picture(noise, 320, 240))];
            double? flops = new EncoderWork(bundle.Component(VivitEncoder.Component)).OfPixels();
            result["vivit"] = Part("seconds_per_film", flops, calibration, Time(options, () => vivit.Encode(frames, cancellationToken)));
        }

        return result;
    }

    private static JsonObject Part(string name, double? flops, Calibration calibration, double seconds) => new()
    {
        [name] = seconds,
        ["gflop"] = flops / 1e9,
        ["gflops"] = flops / 1e9 / seconds,
        ["ratio_to_gemm"] = flops / 1e9 / seconds / calibration.GemmGflops,
    };

    private static double Time(BenchOptions options, Action work)
    {
        List<Measurement> runs = [];
        for (int run = 0; run <= options.Repeat; run++)
        {
            Measurement measurement = Measurement.Of(() =>
            {
                work();
                return 1;
            });
            if (run > 0)
            {
                runs.Add(measurement);
            }
        }

        return Measurement.Median(runs).Seconds;
    }

    private static ImageFrame Picture(Random noise, int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        noise.NextBytes(rgb);
        return ImageFrame.FromRgb(rgb, width, height);
    }
}
