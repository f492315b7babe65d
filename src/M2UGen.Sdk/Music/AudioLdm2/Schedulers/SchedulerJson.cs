using System.Text.Json;
using System.Text.Json.Nodes;

namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>Reads the contents of a diffusers <c>scheduler_config.json</c>; keys that are left out have the default of the class that the file names.</summary>
internal sealed class SchedulerJson
{
    private const int MostTimesteps = 1 << 16;

    private readonly JsonObject _json;
    private readonly ICollection<string> _problems;

    private SchedulerJson(JsonObject json, ICollection<string> problems)
    {
        _json = json;
        _problems = problems;
    }

    /// <summary>The scheduler that the object describes.</summary>
    /// <param name="json">The file's object.</param>
    /// <param name="problems">Receives "key: what is wrong" for everything that is missing, wrong or not supported; the result is then of no use.</param>
    public static (DiffusionScheduler Kind, SchedulerConfig Config) Read(JsonObject json, ICollection<string> problems) => new SchedulerJson(json, problems).Read();

    private (DiffusionScheduler Kind, SchedulerConfig Config) Read()
    {
        DiffusionScheduler kind = Word("_class_name", "",
            ("DDIMScheduler", DiffusionScheduler.Ddim), ("PNDMScheduler", DiffusionScheduler.Pndm), ("LMSDiscreteScheduler", DiffusionScheduler.Lms),
            ("EulerDiscreteScheduler", DiffusionScheduler.Euler), ("EulerAncestralDiscreteScheduler", DiffusionScheduler.EulerAncestral),
            ("HeunDiscreteScheduler", DiffusionScheduler.Heun), ("DPMSolverMultistepScheduler", DiffusionScheduler.DpmSolver), ("UniPCMultistepScheduler", DiffusionScheduler.UniPc));
        bool isDdim = kind == DiffusionScheduler.Ddim;
        bool isHeun = kind == DiffusionScheduler.Heun;
        float[]? betas = Betas();
        string solver = Word("solver_type", "midpoint", [.. new[] { "midpoint", "heun", "bh1", "bh2", "logrho" }.Select(name => (name, name))]);
        SchedulerConfig config = new()
        {
            TrainTimesteps = betas?.Length ?? Whole("num_train_timesteps", 1000, 1, MostTimesteps),
            BetaStart = Number("beta_start", isHeun ? 0.00085 : 0.0001, 0, 1),
            BetaEnd = Number("beta_end", isHeun ? 0.012 : 0.02, 0, 1),
            BetaSchedule = Word("beta_schedule", "linear", ("linear", BetaSchedule.Linear), ("scaled_linear", BetaSchedule.ScaledLinear), ("squaredcos_cap_v2", BetaSchedule.SquaredCosine)),
            TrainedBetas = betas,
            RescaleBetasZeroSnr = isDdim && Flag("rescale_betas_zero_snr", false),
            PredictionType = Word("prediction_type", "epsilon", ("epsilon", PredictionType.Epsilon), ("v_prediction", PredictionType.VPrediction)),
            Spacing = Word("timestep_spacing", isDdim || kind == DiffusionScheduler.Pndm ? "leading" : "linspace", ("leading", TimestepSpacing.Leading), ("linspace", TimestepSpacing.Linspace), ("trailing", TimestepSpacing.Trailing)),
            StepsOffset = Whole("steps_offset", 0, 0, MostTimesteps),
            SetAlphaToOne = Flag("set_alpha_to_one", isDdim),
            ClipSample = Flag("clip_sample", isDdim),
            ClipSampleRange = (float)Number("clip_sample_range", 1, 0, 1e6),
            Thresholding = Flag("thresholding", false),
            DynamicThresholdingRatio = Number("dynamic_thresholding_ratio", 0.995, 0, 1),
            SampleMaxValue = (float)Number("sample_max_value", 1, 0, 1e6),
            UseKarrasSigmas = Flag("use_karras_sigmas", false),
            SkipPrkSteps = Flag("skip_prk_steps", false),
            SolverOrder = Whole("solver_order", 2, 1, kind == DiffusionScheduler.UniPc ? UniPcScheduler.MostOrder : 3),
            Algorithm = Word("algorithm_type", "dpmsolver++", ("dpmsolver++", DpmAlgorithm.DpmSolverPlusPlus), ("deis", DpmAlgorithm.DpmSolverPlusPlus), ("dpmsolver", DpmAlgorithm.DpmSolver), ("sde-dpmsolver", DpmAlgorithm.SdeDpmSolver), ("sde-dpmsolver++", DpmAlgorithm.SdeDpmSolverPlusPlus)),
            SolverType = solver == "heun" ? DpmSolverType.Heun : DpmSolverType.Midpoint,
            UniPcBh1 = solver == "bh1",
            PredictX0 = Flag("predict_x0", true),
            UncorrectedSteps = Uncorrected(),
            LowerOrderFinal = Flag("lower_order_final", true),
            LambdaMinClipped = Clip(),
        };
        Refuse();
        return (kind, config);
    }

    /// <summary>What changes the result and is not there.</summary>
    private void Refuse()
    {
        foreach (string key in new[] { "use_lu_lambdas", "use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas", "euler_at_final" })
        {
            if (Flag(key, false))
            {
                Wrong(key, "false, since this is not supported");
            }
        }

        foreach (string key in new[] { "solver_p", "variance_type", "sigma_min", "sigma_max" })
        {
            if (_json[key] is not null)
            {
                Wrong(key, "nothing, since this is not supported");
            }
        }

        _ = Word("interpolation_type", "linear", ("linear", 0));
    }

    private float[]? Betas()
    {
        if (_json["trained_betas"] is not { } node)
        {
            return null;
        }

        if (node is JsonArray { Count: > 0 and <= MostTimesteps } list && list.All(item => item is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double beta) && beta is >= 0 and <= 1))
        {
            return [.. list.Select(item => (float)item!.GetValue<double>())];
        }

        Wrong("trained_betas", "a list of numbers from 0 to 1");
        return null;
    }

    private int[] Uncorrected()
    {
        switch (_json["disable_corrector"])
        {
            case null:
                return [];
            case JsonArray { Count: <= MostTimesteps } list when list.All(item => item is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out int step) && step >= 0):
                return [.. list.Select(item => item!.GetValue<int>())];
            default:
                Wrong("disable_corrector", "a list of steps, counted from 0");
                return [];
        }
    }

    // JSON as Python writes it has -Infinity, which a manifest cannot hold; no value means the same.
    private double Clip() => _json["lambda_min_clipped"] is null ? double.NegativeInfinity : Number("lambda_min_clipped", 0, -1e6, 1e6);

    private T Word<T>(string key, string absent, params ReadOnlySpan<(string Name, T Value)> known)
    {
        string? found = _json[key] switch
        {
            null => absent,
            JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
            _ => null,
        };
        List<string> names = [];
        foreach ((string name, T value) in known)
        {
            if (name == found)
            {
                return value;
            }

            names.Add(name);
        }

        Wrong(key, $"one of {string.Join(", ", names)}");
        return known[0].Value;
    }

    private int Whole(string key, int absent, int least, int most)
    {
        switch (_json[key])
        {
            case null:
                return absent;
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out int number) && number >= least && number <= most:
                return number;
            default:
                Wrong(key, $"a whole number from {least} to {most}");
                return absent;
        }
    }

    private double Number(string key, double absent, double least, double most)
    {
        switch (_json[key])
        {
            case null:
                return absent;
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number) && number >= least && number <= most:
                return number;
            default:
                Wrong(key, FormattableString.Invariant($"a number from {least} to {most}"));
                return absent;
        }
    }

    private bool Flag(string key, bool absent)
    {
        switch (_json[key]?.GetValueKind())
        {
            case null or JsonValueKind.Null:
                return absent;
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                Wrong(key, "true or false");
                return absent;
        }
    }

    private void Wrong(string key, string expected)
    {
        string found = _json[key]?.ToJsonString() ?? "nothing";
        _problems.Add($"{key}: expected {expected}, found {(found.Length > 60 ? found[..60] + "…" : found)}");
    }
}
