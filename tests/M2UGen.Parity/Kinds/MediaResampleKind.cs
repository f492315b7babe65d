using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk;
using M2UGen.Sdk.Media.Audio;

namespace M2UGen.Parity.Kinds;

/// <summary>Resampling: every pair of rates of the case, channels averaged afterwards, the filter itself and the lengths.</summary>
internal sealed partial class MediaResampleKind : IParityKind
{
    public bool Handles(string kind) => kind == "media-resample";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        Tolerance tolerance = Tolerance.Absolute(c.Json.GetProperty("tolerance").GetProperty("bit_faithful").GetDouble());
        foreach (string tensor in c.Expected.Names)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Match name = NamePattern().Match(tensor);
            int[] numbers = [.. name.Groups[2].Captures.Select(n => int.Parse(n.Value, CultureInfo.InvariantCulture))];
            switch (name.Groups[1].Value)
            {
                case "y":
                    AudioClip resampled = Input(c, numbers[0]).Resample(numbers[1]);
                    report.Compare(tensor, Planes(resampled), [resampled.Channels, resampled.SampleCount], tolerance);
                    break;
                case "mono":
                    AudioClip mono = Input(c, numbers[0]).Resample(numbers[1]).ToMono();
                    report.Compare(tensor, mono.Samples.Span, [mono.SampleCount], tolerance);
                    break;
                case "short":
                    AudioClip part = Short(c, numbers[0]);
                    report.Compare(tensor, Planes(part), [part.Channels, part.SampleCount], tolerance);
                    break;
                case "kernel" when tensor.EndsWith("_float32", StringComparison.Ordinal):
                    CompareKernel(c, report, tensor, numbers[0], numbers[1], tolerance);
                    break;
                case "kernel":
                    report.Skip(tensor, "stored for information: the kernel of another function");
                    break;
            }
        }

        CheckLengths(c, report);
    }

    private static void CheckLengths(ParityCase c, ParityReport report)
    {
        foreach (JsonElement row in c.Json.GetProperty("lengths").EnumerateArray())
        {
            Check(row.GetProperty("from").GetInt32(), row.GetProperty("to").GetInt32(), row.GetProperty("in").GetInt64(), row.GetProperty("out").GetInt64());
        }

        foreach (JsonElement row in c.Json.GetProperty("long_lengths").GetProperty("rows").EnumerateArray())
        {
            Check(row[0].GetInt32(), row[1].GetInt32(), row[2].GetInt64(), row[3].GetInt64());
        }

        void Check(int from, int to, long length, long expected)
        {
            long actual = new Resampler(from, to, new ResampleOptions()).OutputLength(length);
            report.Check($"length {length} {from}->{to}", actual == expected, $"expected {expected}, found {actual}");
        }
    }

    /// <summary>The case keeps the whole matrix [phases, 2 width + old]; ours keeps of a row what is not zero.</summary>
    private static void CompareKernel(ParityCase c, ParityReport report, string tensor, int from, int to, Tolerance tolerance)
    {
        int divisor = (int)System.Numerics.BigInteger.GreatestCommonDivisor(from, to);
        (int oldRate, int newRate) = (from / divisor, to / divisor);
        long[] shape = c.Expected.Shape(tensor);
        int width = ((int)shape[1] - oldRate) / 2;
        SincKernel kernel = new(oldRate, newRate, new ResampleOptions());
        float[] matrix = new float[newRate * shape[1]];
        float[] row = new float[kernel.Taps];
        for (int phase = 0; phase < newRate; phase++)
        {
            kernel.Fill(phase, row);
            for (int tap = 0; tap < row.Length; tap++)
            {
                int at = kernel.Start(phase) + tap + width;
                if (at >= 0 && at < shape[1])
                {
                    matrix[(phase * shape[1]) + at] = row[tap];
                }
            }
        }

        report.Compare(tensor, matrix, [newRate, shape[1]], tolerance);
    }

    /// <summary>The pieces are described as "x_44100[:,900:900+n] at 44100 -> 24000".</summary>
    private static AudioClip Short(ParityCase c, int count)
    {
        string description = c.Json.GetProperty("tensors").GetProperty("short_n").GetString() ?? "";
        Match piece = PiecePattern().Match(description);
        if (!piece.Success)
        {
            throw new ParityException($"case.json does not say what 'short_n' is: '{description}'.");
        }

        int[] numbers = [.. piece.Groups.Values.Skip(1).Select(n => int.Parse(n.Value, CultureInfo.InvariantCulture))];
        AudioClip whole = Input(c, numbers[0]);
        return AudioClip.FromSamples(whole.Samples.Span.Slice(numbers[1] * whole.Channels, count * whole.Channels), numbers[2], whole.Channels).Resample(numbers[3]);
    }

    private static AudioClip Input(ParityCase c, int rate)
    {
        string tensor = $"x_{rate}";
        int channels = (int)c.Inputs.Shape(tensor)[0];
        float[] planes = c.Inputs.Float(tensor);
        return AudioClip.FromSamples(ChannelMixer.Interleave([.. planes.Chunk(planes.Length / channels)]), rate, channels);
    }

    private static float[] Planes(AudioClip clip) => [.. Enumerable.Range(0, clip.Channels).SelectMany(channel => ChannelMixer.Extract(clip.Samples.Span, clip.Channels, channel))];

    [GeneratedRegex(@"^(y|mono|short|kernel)(?:_(\d+))+(?:_float\d+)?$")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"x_(\d+)\[:,\s*(\d+):.*?\] at (\d+) -> (\d+)")]
    private static partial Regex PiecePattern();
}
