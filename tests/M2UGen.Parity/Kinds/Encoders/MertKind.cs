using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Export.Sources;
using M2UGen.Sdk.Encoders.Adapters;
using M2UGen.Sdk.Encoders.Mert;

namespace M2UGen.Parity.Kinds.Encoders;

/// <summary>mert: waveforms to features, every stage between, the frames of short lengths, one frame, more than a minute, and both spellings of weight norm.</summary>
internal sealed partial class MertKind : IParityKind
{
    private const int WindowSeconds = 60;

    public bool Handles(string kind) => kind == "mert";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        string folder = EncoderModel.DirectoryOf(c);
        using EncoderDirectory directory = EncoderDirectory.OpenMert(folder);
        MertPreprocessor preprocessor = MertPreprocessor.From(directory.Preprocessing, folder);
        string[] waves = [.. c.Inputs.Names.Where(name => c.Expected.Has($"{name}.agg"))];
        using (EncoderModel tapped = EncoderModel.Open(c, directory, "*"))
        {
            foreach (string wave in waves)
            {
                CompareStages(tapped, c, report, wave, "norm", preprocessor with { Normalizes = true }, cancellationToken);
                CompareStages(tapped, c, report, wave, "raw", preprocessor with { Normalizes = false }, cancellationToken);
            }

            CompareFrames(tapped, c, report, cancellationToken);
            CompareWindows(tapped, c, report, preprocessor, cancellationToken);
        }

        using EncoderModel model = EncoderModel.Open(c, directory);
        foreach (string wave in waves)
        {
            float[] feature = Feature(model, preprocessor, c.Inputs.Float(wave), cancellationToken);
            report.Compare($"{wave}.agg", feature, [feature.Length]);
            report.Compare($"{wave}.feature", KnnMixer.Normalize(feature), [feature.Length]);
        }

        CompareOneFrame(model, c, report, preprocessor, cancellationToken);
        CompareOtherSpellings(c, report, folder, waves, cancellationToken);
    }

    /// <summary>Everything stored as <c>wave.form.stage</c>.</summary>
    private static void CompareStages(EncoderModel tapped, ParityCase c, ParityReport report, string wave, string form, MertPreprocessor preprocessor, CancellationToken cancellationToken)
    {
        string prefix = $"{wave}.{form}.";
        string[] stages = [.. c.Expected.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..])];
        if (stages.Length == 0)
        {
            return;
        }

        float[] values = Prepare(preprocessor, c.Inputs.Float(wave));
        Dictionary<string, (float[] Values, long[] Shape)> outputs = tapped.Run(values, [values.Length], cancellationToken);
        foreach (string stage in stages)
        {
            if (stage == "frames")
            {
                report.CompareExact(prefix + stage, [outputs["projected"].Shape[0]], []);
            }
            else if (stage.StartsWith("input_values", StringComparison.Ordinal))
            {
                int count = stage == "input_values" ? values.Length : int.Parse(stage["input_values_first".Length..], CultureInfo.InvariantCulture);
                report.Compare(prefix + stage, values.AsSpan(0, count), [count]);
            }
            else
            {
                report.Compare(prefix + stage, outputs[stage].Values, outputs[stage].Shape);
            }
        }
    }

    /// <summary>How many frames a number of samples gives, as the graph itself has it.</summary>
    private static void CompareFrames(EncoderModel tapped, ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        if (!c.Expected.Has("frames_of_lengths"))
        {
            return;
        }

        long[] rows = c.Expected.Int64("frames_of_lengths");
        for (int i = 0; i < rows.Length; i += 2)
        {
            rows[i + 1] = tapped.Run(new float[rows[i]], [rows[i]], cancellationToken)["conv_features"].Shape[0];
        }

        report.CompareExact("frames_of_lengths", rows, [rows.Length / 2, 2]);
    }

    /// <summary>A waveform of more than a minute: windows of 60 s, each normalised on its own.</summary>
    private static void CompareWindows(EncoderModel tapped, ParityCase c, ParityReport report, MertPreprocessor preprocessor, CancellationToken cancellationToken)
    {
        if (!c.Inputs.Has("long.samples"))
        {
            return;
        }

        // As the notes build it, from the first second of w1.
        float[] source = c.Inputs.Float("w1");
        int period = Math.Min(source.Length, preprocessor.SampleRate);
        float[] samples = new float[c.Inputs.Int64("long.samples")[0]];
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] = (float)(source[i % period] * (0.25 + (0.75 * i / samples.Length)));
        }

        List<float> means = [];
        List<float[]> features = [];
        long[] shape = [];
        int window = WindowSeconds * preprocessor.SampleRate;
        for (int start = 0; start < samples.Length; start += window)
        {
            float[] values = Prepare(preprocessor, samples.AsSpan(start, Math.Min(window, samples.Length - start)));
            Dictionary<string, (float[] Values, long[] Shape)> outputs = tapped.Run(values, [values.Length], cancellationToken);
            means.AddRange(outputs["means"].Values);
            shape = outputs["means"].Shape;
            features.Add(outputs["feature"].Values);
        }

        // The learnt sum is linear, so the mean of the windows' features is the feature of the windows' mean.
        float[] all = [.. Enumerable.Range(0, features[0].Length).Select(i => features.Average(feature => feature[i]))];
        report.Compare("long.window_means", means.ToArray(), [features.Count, .. shape]);
        report.Compare("long.agg_reference_first60s", features[0], [all.Length]);
        report.Compare("long.agg_all_windows", all, [all.Length]);
    }

    /// <summary>The piece that gives one frame, which the description names as "w2[:719]".</summary>
    private static void CompareOneFrame(EncoderModel model, ParityCase c, ParityReport report, MertPreprocessor preprocessor, CancellationToken cancellationToken)
    {
        if (!c.Expected.Has("one_frame.agg_sane"))
        {
            return;
        }

        string description = string.Concat(c.Json.GetProperty("tensors").EnumerateObject()
            .Where(tensor => tensor.Name.StartsWith("one_frame", StringComparison.Ordinal) && tensor.Value.ValueKind == JsonValueKind.String)
            .Select(tensor => tensor.Value.GetString()));
        Match match = PiecePattern().Match(description);
        if (!match.Success)
        {
            throw new ParityException($"case.json does not say which samples 'one_frame' is of: '{description}'.");
        }

        int count = int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
        float[] values = Prepare(preprocessor, c.Inputs.Float(match.Groups[1].Value).AsSpan(0, count));
        Dictionary<string, (float[] Values, long[] Shape)> outputs = model.Run(values, [count], cancellationToken);
        report.Compare("one_frame.agg_sane", outputs["feature"].Values, outputs["feature"].Shape);
        report.Compare("one_frame.agg_reference_quirk", outputs["feature_over_states"].Values, outputs["feature_over_states"].Shape);
        foreach (string tensor in c.Expected.Names.Where(name => name.StartsWith("one_frame.input_values_first", StringComparison.Ordinal)))
        {
            int stored = (int)c.Expected.Shape(tensor)[0];
            report.Compare(tensor, values.AsSpan(0, Math.Min(stored, count)), [stored]);
        }
    }

    /// <summary>Directories inside the case's hold the same weights under other names, or in another format.</summary>
    private static void CompareOtherSpellings(ParityCase c, ParityReport report, string folder, string[] waves, CancellationToken cancellationToken)
    {
        foreach (string other in Directory.EnumerateDirectories(folder).Where(path => File.Exists(Path.Combine(path, "config.json"))).Order(StringComparer.Ordinal))
        {
            report.Row(Path.GetFileName(other), () =>
            {
                using EncoderDirectory directory = EncoderDirectory.OpenMert(other);
                using EncoderModel model = EncoderModel.Open(c, directory);
                MertPreprocessor preprocessor = MertPreprocessor.From(directory.Preprocessing, other);
                foreach (string wave in waves)
                {
                    float[] feature = Feature(model, preprocessor, c.Inputs.Float(wave), cancellationToken);
                    string expected = $"{wave}.agg";
                    report.CheckValues($"{Path.GetFileName(other)}/{expected}", c.Expected.Double(expected), Array.ConvertAll(feature, value => (double)value), c.Tolerances.Of(expected));
                }
            });
        }
    }

    private static float[] Feature(EncoderModel model, MertPreprocessor preprocessor, float[] samples, CancellationToken cancellationToken)
    {
        float[] values = Prepare(preprocessor, samples);
        return model.Run(values, [values.Length], cancellationToken)["feature"].Values;
    }

    private static float[] Prepare(MertPreprocessor preprocessor, ReadOnlySpan<float> samples)
    {
        float[] values = new float[samples.Length];
        preprocessor.Prepare(samples, values);
        return values;
    }

    [GeneratedRegex(@"(\w+)\[:(\d+)\]")]
    private static partial Regex PiecePattern();
}
