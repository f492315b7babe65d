using System.Globalization;
using System.Numerics.Tensors;
using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Sdk;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>Diffusion schedulers: tables of the noise, times and noise levels, and every sample of every trajectory, with the case's analytic model.</summary>
/// <remarks>Names: <c>variant.prediction.steps.samples</c>, <c>variant.steps[.spacing].timesteps|sigmas|init_noise_sigma</c>, and the three tables.</remarks>
internal sealed class SchedulersKind : IParityKind
{
    public bool Handles(string kind) => kind == "schedulers";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        foreach (string tensor in c.Expected.Names)
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.Row(tensor, () => RunTensor(c, report, tensor));
        }
    }

    private static void RunTensor(ParityCase c, ParityReport report, string tensor)
    {
        string[] parts = tensor.Split('.');
        if (parts.Length == 1)
        {
            RunTable(c, report, tensor);
            return;
        }

        JsonObject json = ConfigOf(c, parts[0]);
        if (parts[^1] == "samples")
        {
            json["prediction_type"] = parts[1];
            RunSamples(c, report, tensor, Open(c, json, parts[0]), Steps(parts[2]));
            return;
        }

        if (parts.Length == 4)
        {
            json["timestep_spacing"] = parts[2];
        }

        IDiffusionScheduler scheduler = Open(c, json, parts[0]);
        scheduler.SetTimesteps(Steps(parts[1]), 1);
        long[] shape = c.Expected.Shape(tensor);
        Compare(c, report, tensor, parts[^1] switch
        {
            "timesteps" => scheduler.Timesteps.ToArray(),
            "sigmas" => [.. scheduler.Sigmas.ToArray().Select(sigma => (double)sigma)],
            "init_noise_sigma" => [scheduler.InitNoiseSigma],
            _ => throw new ParityException($"'{tensor}' names nothing that a scheduler has."),
        }, shape);
    }

    private static void RunTable(ParityCase c, ParityReport report, string tensor)
    {
        if (c.Inputs.Has(tensor))
        {
            report.Skip(tensor, "an input");
            return;
        }

        NoiseSchedule schedule = NoiseSchedule.Create(SchedulerJson.Read(ConfigOf(c, null), []).Config);
        float[] values = tensor switch
        {
            "betas" => schedule.Betas,
            "alphas_cumprod" => schedule.AlphasCumprod,
            "final_alpha_cumprod" => [schedule.FinalAlphaCumprod],
            _ => throw new ParityException($"'{tensor}' names no table."),
        };
        report.Compare(tensor, values, values.Length == 1 ? c.Expected.Shape(tensor) : [values.Length]);
    }

    /// <summary>x from noise along the trajectory, model(x, t) = 0.3 sin(3 x + t / 1000); rows that the reference has not are not run.</summary>
    private static void RunSamples(ParityCase c, ParityReport report, string tensor, IDiffusionScheduler scheduler, int steps)
    {
        float[] sample = c.Inputs.Float("noise");
        float[] stepNoise = c.Inputs.Float("step_noise");
        int length = sample.Length;
        long[] shape = c.Expected.Shape(tensor);
        scheduler.SetTimesteps(steps, length);
        TensorPrimitives.Multiply(sample, scheduler.InitNoiseSigma, sample);
        float[] input = new float[length];
        float[] output = new float[length];
        float[] samples = new float[shape[0] * length];
        for (int i = 0; i < shape[0]; i++)
        {
            float time = (float)(scheduler.Timesteps[i] / 1000);
            scheduler.ScaleInput(sample, input);
            for (int k = 0; k < length; k++)
            {
                output[k] = MathF.Sin((3 * input[k]) + time) * 0.3f;
            }

            ReadOnlySpan<float> noise = scheduler.TakesNoise ? stepNoise.AsSpan(i * length, length) : [];
            scheduler.Step(output, sample, noise);
            sample.CopyTo(samples, i * length);
        }

        report.Compare(tensor, samples, shape);
    }

    private static IDiffusionScheduler Open(ParityCase c, JsonObject json, string variant)
    {
        List<string> problems = [];
        (DiffusionScheduler kind, SchedulerConfig config) = SchedulerJson.Read(json, problems);
        if (problems.Count > 0)
        {
            throw new ParityException($"Variant '{variant}' cannot be read: {string.Join("; ", problems)}");
        }

        // eta is an argument of DDIM's step, not of its configuration; the variant that has it says so by its name alone.
        return SchedulerFactory.Create(kind, variant.EndsWith("_eta", StringComparison.Ordinal) ? config with { Eta = c.Json.GetProperty("eta").GetDouble() } : config);
    }

    /// <summary>The case's base configuration, as DDIM's class completes it, with a variant's own keys.</summary>
    private static JsonObject ConfigOf(ParityCase c, string? variant)
    {
        JsonObject json = JsonObject.Create(c.Json.GetProperty("base_config"))!.DeepClone().AsObject();
        json.TryAdd("timestep_spacing", "leading");
        json["_class_name"] = "DDIMScheduler";
        if (variant is not null)
        {
            foreach (JsonProperty property in c.Json.GetProperty("variants").GetProperty(variant).EnumerateObject())
            {
                json[property.Name == "class" ? "_class_name" : property.Name] = JsonNode.Parse(property.Value.GetRawText());
            }
        }

        return json;
    }

    private static void Compare(ParityCase c, ParityReport report, string tensor, double[] values, long[] shape)
    {
        if (c.Expected.IsInteger(tensor))
        {
            report.CompareExact(tensor, Array.ConvertAll(values, value => (long)value), [values.Length]);
            return;
        }

        // float64 copies of float32 and float64 values: compared as such.
        if (values.Length != shape[0])
        {
            report.Fail(tensor, $"expected {shape[0]} values, found {values.Length}");
            return;
        }

        report.CheckValues(tensor, c.Expected.Double(tensor), values, c.Tolerances.Of(tensor));
    }

    private static int Steps(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
