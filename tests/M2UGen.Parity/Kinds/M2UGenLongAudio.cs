using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk;

namespace M2UGen.Parity.Kinds;

/// <summary>
/// The rows <c>long.*</c>: a sound of more than a minute, of which the reference hears the first minute; the rest of it on its own; and the answer to it.
/// </summary>
internal static partial class M2UGenLongAudio
{
    private const int Minute = 60;

    public static void Run(ParityCase c, M2UGenSession session, M2UGenMedia media, JsonElement description, ParityReport report, CancellationToken cancellationToken)
    {
        report.Row("long", () =>
        {
            float[] samples = Make(description, out int rate);
            report.Compare("long.first100", samples.AsSpan(0, 100), [100]);
            report.Compare("long.last100", samples.AsSpan(samples.Length - 100), [100]);

            AudioClip whole = AudioClip.FromSamples(samples, rate);
            CompareFeature(session, media, "long.", whole, report, cancellationToken);
            CompareFeature(session, media, "long.tail_", AudioClip.FromSamples(samples.AsSpan(Minute * rate), rate), report, cancellationToken);
            M2UGenAnswers.CompareAnswer(session, description.GetProperty("question"), "long.question", request => request.WithAudio(whole), report, cancellationToken);
        });
    }

    private static void CompareFeature(M2UGenSession session, M2UGenMedia media, string prefix, AudioClip clip, ParityReport report, CancellationToken cancellationToken)
    {
        (float[] means, long[] shape) = session.Taps.HiddenMeans(clip, cancellationToken);
        report.Compare($"{prefix}hidden_means", means, shape);
        float[] feature = media.Senses.Mert!.Encode(clip, Fidelity.Reference, null, cancellationToken);
        report.Compare($"{prefix}feature", feature, [feature.Length]);
    }

    /// <summary>Σ a · sin(2π f n / rate + p) over one list of sines for the first minute and another behind it.</summary>
    private static float[] Make(JsonElement description, out int rate)
    {
        string formula = description.GetProperty("formula").GetString()!;
        Match numbers = FormulaPattern().Match(formula);
        if (!numbers.Success)
        {
            throw new ParityException($"case.json does not say how long the sound is: '{formula}'.");
        }

        rate = (int)Math.Round(double.Parse(numbers.Groups[2].ValueSpan, CultureInfo.InvariantCulture) * 1000);
        (double Amplitude, double Frequency, double Phase)[] first = Sines("first");
        (double Amplitude, double Frequency, double Phase)[] after = Sines("after_60_s");
        float[] samples = new float[(int)Math.Round(double.Parse(numbers.Groups[1].ValueSpan, CultureInfo.InvariantCulture) * rate)];
        for (int n = 0; n < samples.Length; n++)
        {
            double sum = 0;
            foreach ((double amplitude, double frequency, double phase) in n < Minute * rate ? first : after)
            {
                sum += amplitude * Math.Sin((2 * Math.PI * frequency * n / rate) + phase);
            }

            samples[n] = (float)sum;
        }

        return samples;

        (double, double, double)[] Sines(string name) => [.. description.GetProperty(name).EnumerateArray().Select(row => (row[0].GetDouble(), row[1].GetDouble(), row[2].GetDouble()))];
    }

    [GeneratedRegex(@"^(\d+(?:\.\d+)?) s at (\d+(?:\.\d+)?) kHz")]
    private static partial Regex FormulaPattern();
}
