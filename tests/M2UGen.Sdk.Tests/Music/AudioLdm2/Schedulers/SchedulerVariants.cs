using System.Text.Json.Nodes;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2.Schedulers;

/// <summary>Schedulers as configuration files describe them.</summary>
internal static class SchedulerVariants
{
    /// <summary>The published configuration of AudioLDM2.</summary>
    public static JsonObject Published => new()
    {
        ["_class_name"] = "DDIMScheduler",
        ["beta_start"] = 0.0015,
        ["beta_end"] = 0.0195,
        ["beta_schedule"] = "scaled_linear",
        ["num_train_timesteps"] = 1000,
        ["steps_offset"] = 1,
        ["clip_sample"] = false,
        ["set_alpha_to_one"] = false,
        ["timestep_spacing"] = "leading",
    };

    /// <summary>A variant of the published configuration by the name that its numbers were recorded under.</summary>
    public static IDiffusionScheduler Create(string variant, PredictionType prediction)
    {
        JsonObject json = Published;
        (string type, int order) = variant.Split('_')[0] switch
        {
            "ddim" => ("DDIMScheduler", 2),
            "pndm" => ("PNDMScheduler", 2),
            "lms" => ("LMSDiscreteScheduler", 2),
            "heun" => ("HeunDiscreteScheduler", 2),
            "euler" => (variant == "euler_ancestral" ? "EulerAncestralDiscreteScheduler" : "EulerDiscreteScheduler", 2),
            "unipc" => ("UniPCMultistepScheduler", variant[6] - '0'),
            "dpmpp" => ("DPMSolverMultistepScheduler", variant[6] - '0'),
            _ => ("DPMSolverMultistepScheduler", variant[4] - '0'),
        };
        json["_class_name"] = type;
        json["solver_order"] = order;
        json["skip_prk_steps"] = variant == "pndm_skip_prk";
        json["use_karras_sigmas"] = variant.EndsWith("_karras", StringComparison.Ordinal);
        json["algorithm_type"] = variant == "dpm_2" ? "dpmsolver" : variant.EndsWith("_sde", StringComparison.Ordinal) ? "sde-dpmsolver++" : "dpmsolver++";
        json["solver_type"] = variant == "dpmpp_2_heun" ? "heun" : type.StartsWith("Uni", StringComparison.Ordinal) ? "bh2" : "midpoint";
        (DiffusionScheduler kind, SchedulerConfig config) = Read(json);
        return SchedulerFactory.Create(kind, config with { PredictionType = prediction, Eta = variant == "ddim_eta" ? 0.6 : 0 });
    }

    public static (DiffusionScheduler Kind, SchedulerConfig Config) Read(JsonObject json)
    {
        List<string> problems = [];
        (DiffusionScheduler, SchedulerConfig) read = SchedulerJson.Read(json, problems);
        Assert.Empty(problems);
        return read;
    }
}
