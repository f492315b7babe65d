using System.Text.Json.Nodes;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2.Schedulers;

/// <summary>Trajectories against numbers that diffusers 0.21.4 gave, for the published noise schedule and the model 0.3 sin(3 x + t / 1000).</summary>
public sealed class SchedulerTrajectoryTests
{
    private const float Start = -0.39771086f;

    private static readonly float[] StepNoise =
    [
        -0.288739264f, -0.207845524f, -1.36253691f, 1.45381784f, -1.97341263f, -0.326154679f, 0.12371055f, -2.0377717f, 1.13442445f, -0.416027665f, 1.63151681f, 0.894729435f, 1.06921375f,
    ];

    /// <summary>Variant, prediction, and the sample after every call of the model.</summary>
    public static TheoryData<string, object, float[]> Trajectories { get; } = new()
    {
        { "ddim", PredictionType.Epsilon, [-1.12560308f, -2.27120781f, -3.1099689f, -3.11185288f] },
        { "ddim", PredictionType.VPrediction, [-0.352785915f, -0.249436483f, -0.0920108557f, -0.090686366f] },
        { "ddim_eta", PredictionType.Epsilon, [-1.26090229f, -2.79797721f, -3.70004535f, -3.68481898f] },
        { "ddim_eta", PredictionType.VPrediction, [-0.439274728f, -0.324420244f, -0.152316019f, -0.125724554f] },
        { "pndm", PredictionType.Epsilon, [-0.690904796f, -0.504192591f, -0.837577283f, -0.807534695f, -1.07728612f, -1.1953392f, -1.72811866f, -1.67683578f, -2.18518305f, -2.05199146f, -2.42295146f, -2.37038732f, -2.34591055f] },
        { "pndm", PredictionType.VPrediction, [-0.382881582f, -0.38074246f, -0.347838283f, -0.348238349f, -0.309673429f, -0.309191853f, -0.245974272f, -0.247279942f, -0.198592365f, -0.200140417f, -0.0944183171f, -0.100117236f, -0.0993593782f] },
        { "pndm_skip_prk", PredictionType.Epsilon, [-1.1256032f, -1.19415724f, -2.5642128f, -3.080235f, -3.09174895f] },
        { "pndm_skip_prk", PredictionType.VPrediction, [-0.352785945f, -0.348981977f, -0.241340429f, -0.109380081f, -0.108126424f] },
        { "lms", PredictionType.Epsilon, [-3.33367896f, -3.20161533f, -3.11521983f, -3.11381626f] },
        { "lms", PredictionType.VPrediction, [-1.04483962f, -0.354906976f, -0.123959541f, -0.117980815f] },
        { "lms_karras", PredictionType.Epsilon, [-3.33643818f, -3.15519571f, -3.0191946f, -3.01372623f] },
        { "lms_karras", PredictionType.VPrediction, [-1.05360341f, -0.17518568f, -0.112928033f, -0.107341975f] },
        { "euler", PredictionType.Epsilon, [-3.33367896f, -3.19181252f, -3.11465287f, -3.11307621f] },
        { "euler", PredictionType.VPrediction, [-1.04483962f, -0.350542307f, -0.0921494365f, -0.0874058455f] },
        { "euler_karras", PredictionType.Epsilon, [-3.33643818f, -3.14127636f, -3.01408529f, -3.00771451f] },
        { "euler_karras", PredictionType.VPrediction, [-1.05360341f, -0.168224394f, -0.0965778604f, -0.0916113853f] },
        { "euler_ancestral", PredictionType.Epsilon, [-3.84524822f, -4.21982765f, -4.11169052f, -4.1157794f] },
        { "euler_ancestral", PredictionType.VPrediction, [-0.975346684f, -0.295966744f, -0.146906152f, -0.139473274f] },
        { "dpmpp_1", PredictionType.Epsilon, [-1.06371391f, -2.17503572f, -3.56440115f, -4.74993134f] },
        { "dpmpp_1", PredictionType.VPrediction, [-0.375571489f, -0.317754179f, -0.232695192f, -0.10292051f] },
        { "dpmpp_2", PredictionType.Epsilon, [-1.06371391f, -2.15438604f, -3.61714697f, -4.83204079f] },
        { "dpmpp_2", PredictionType.VPrediction, [-0.375571489f, -0.320205986f, -0.250304282f, -0.10899394f] },
        { "dpmpp_3", PredictionType.Epsilon, [-1.06371391f, -2.15438604f, -3.61714697f, -4.83204079f] },
        { "dpmpp_3", PredictionType.VPrediction, [-0.375571489f, -0.320205986f, -0.250304282f, -0.10899394f] },
        { "dpmpp_2_heun", PredictionType.Epsilon, [-1.06371391f, -2.15128183f, -3.62369037f, -4.84186077f] },
        { "dpmpp_2_heun", PredictionType.VPrediction, [-0.375571489f, -0.320574582f, -0.252704531f, -0.109841347f] },
        { "dpmpp_2_karras", PredictionType.Epsilon, [-2.021945f, -20.7807198f, -37.6257553f, -37.6257553f] },
        { "dpmpp_2_karras", PredictionType.VPrediction, [-0.393761963f, -0.261405677f, -0.157896355f, -0.157896355f] },
        { "dpmpp_3_karras", PredictionType.Epsilon, [-2.021945f, -20.7807198f, -37.6257553f, -37.6257553f] },
        { "dpmpp_3_karras", PredictionType.VPrediction, [-0.393761963f, -0.261405677f, -0.157896355f, -0.157896355f] },
        { "dpm_2", PredictionType.Epsilon, [-1.06371403f, -2.15438676f, -3.6256237f, -4.84474659f] },
        { "dpm_2", PredictionType.VPrediction, [-0.375571549f, -0.320206016f, -0.249297872f, -0.10864006f] },
        { "dpmpp_2_sde", PredictionType.Epsilon, [-1.25409162f, -3.19922876f, -6.06052065f, -7.86384201f] },
        { "dpmpp_2_sde", PredictionType.VPrediction, [-0.36552459f, -0.277905703f, -0.888189614f, -0.522586465f] },
        { "unipc_2", PredictionType.Epsilon, [-1.06371379f, -2.14118624f, -3.65320778f, -4.88576412f] },
        { "unipc_2", PredictionType.VPrediction, [-0.375571489f, -0.321773171f, -0.258128792f, -0.112084463f] },
        { "unipc_3", PredictionType.Epsilon, [-1.06371379f, -2.14118624f, -3.65320778f, -4.88576412f] },
        { "unipc_3", PredictionType.VPrediction, [-0.375571489f, -0.321773171f, -0.258128792f, -0.112084463f] },
        { "unipc_2_karras", PredictionType.Epsilon, [-2.021945f, -20.885067f, -37.7394447f, -37.3427658f] },
        { "unipc_2_karras", PredictionType.VPrediction, [-0.393761963f, -0.260628462f, -0.160446972f, -0.147210896f] },
        { "heun", PredictionType.Epsilon, [-3.33367896f, -3.53671408f, -3.50426173f, -3.30138588f, -3.16400194f, -3.23995829f, -3.24450207f] },
        { "heun", PredictionType.VPrediction, [-1.04483962f, -1.13523841f, -0.375469029f, -0.485848069f, -0.118474931f, -0.250736803f, -0.238771379f] },
        { "heun_karras", PredictionType.Epsilon, [-3.33643818f, -3.51318717f, -3.43779635f, -3.34908438f, -3.26952481f, -3.33418894f, -3.34296274f] },
        { "heun_karras", PredictionType.VPrediction, [-1.05360341f, -1.14199686f, -0.175667524f, -0.471468449f, -0.271178007f, -0.317820132f, -0.3034769f] },
    };

    /// <summary>Class, further keys of its file, and the sample after every call of the model in six steps of a predicted noise.</summary>
    public static TheoryData<string, string, float[]> Options { get; } = new()
    {
        { "DDIMScheduler", """{"set_alpha_to_one": true}""", [-0.975934505f, -1.87446225f, -3.45846152f, -4.97417116f, -5.84845352f, -5.87315607f] },
        { "DDIMScheduler", """{"clip_sample": true, "clip_sample_range": 0.5}""", [-0.181797877f, -0.136520445f, -0.25739646f, -0.288817286f, -0.228254572f, -0.225369141f] },
        { "PNDMScheduler", """{"set_alpha_to_one": true, "timestep_spacing": "trailing"}""", [-0.791316509f, -0.5148772f, -1.1219089f, -1.05698276f, -1.73056078f, -2.13604736f, -3.51402497f, -3.44473863f, -5.35186672f, -5.29844761f, -7.53299713f, -7.6228385f, -12.9642096f, -17.9009647f, -22.0809555f] },
        { "HeunDiscreteScheduler", """{"clip_sample": true, "clip_sample_range": 0.25}""", [-2.72987843f, -2.72987843f, -1.31463981f, -1.31463981f, -0.780978262f, -0.780978262f, -0.511266947f, -0.511266947f, -0.271158874f, -0.271158934f, -0.25f] },
        { "LMSDiscreteScheduler", """{"timestep_spacing": "linspace"}""", [-29.3757915f, -32.856472f, -31.8938179f, -31.6270599f, -32.071064f, -32.0588379f] },
        { "EulerDiscreteScheduler", """{"timestep_spacing": "trailing", "beta_schedule": "linear"}""", [-69.5492935f, -76.5156021f, -78.3908234f, -77.636528f, -77.5627289f, -77.7928543f] },
        { "DPMSolverMultistepScheduler", """{"algorithm_type": "dpmsolver", "solver_order": 3}""", [-0.903013647f, -1.54212904f, -3.16775846f, -4.4769783f, -5.71907139f, -6.82495499f] },
        { "DPMSolverMultistepScheduler", """{"algorithm_type": "dpmsolver", "solver_type": "heun"}""", [-0.903013647f, -1.55253887f, -3.08635926f, -4.40406799f, -5.68111134f, -6.77468729f] },
        { "DPMSolverMultistepScheduler", """{"algorithm_type": "sde-dpmsolver"}""", [-1.45642924f, -4.09956837f, -9.61523819f, -12.6795015f, -18.0431824f, -21.3993645f] },
        { "DPMSolverMultistepScheduler", """{"solver_order": 3, "lower_order_final": false}""", [-0.903013706f, -1.54212904f, -3.21896124f, -4.67244387f, -5.76534796f, -9.55739212f] },
        { "DPMSolverMultistepScheduler", """{"lambda_min_clipped": -4.0}""", [-0.814990163f, -1.25524139f, -2.19524193f, -3.20702624f, -4.06970549f, -4.77848577f] },
        { "UniPCMultistepScheduler", """{"solver_order": 4, "lower_order_final": false}""", [-0.903013587f, -1.48925722f, -3.22570562f, -4.426723f, -5.2968688f, -24.4255447f] },
        { "UniPCMultistepScheduler", """{"solver_order": 3, "solver_type": "bh1"}""", [-0.903013587f, -1.42285597f, -3.00391579f, -4.1310029f, -5.49177265f, -6.49611473f] },
        { "UniPCMultistepScheduler", """{"solver_order": 3, "predict_x0": false}""", [-0.903013647f, -1.2255882f, -2.62429929f, -3.30410361f, -4.64259911f, -5.10261345f] },
        { "UniPCMultistepScheduler", """{"disable_corrector": [0, 2]}""", [-0.903013587f, -1.5421288f, -3.21905708f, -4.77581406f, -5.97289801f, -7.11306953f] },
    };

    [Theory]
    [MemberData(nameof(Options))]
    public void Step_WithOtherOptions_FollowsTheReference(string type, string options, float[] expected)
    {
        JsonObject json = SchedulerVariants.Published;
        json["_class_name"] = type;
        foreach ((string key, JsonNode? value) in JsonNode.Parse(options)!.AsObject())
        {
            json[key] = value?.DeepClone();
        }

        (DiffusionScheduler kind, SchedulerConfig config) = SchedulerVariants.Read(json);
        IDiffusionScheduler scheduler = SchedulerFactory.Create(kind, config);
        scheduler.SetTimesteps(6, 1);
        Assert.Equal(expected.Length, scheduler.Timesteps.Length);
        Near.Equal(expected, Run(scheduler, expected.Length), 1e-4);
    }

    [Theory]
    [MemberData(nameof(Trajectories))]
    public void Step_FollowsTheReference(string variant, object prediction, float[] expected)
    {
        IDiffusionScheduler scheduler = SchedulerVariants.Create(variant, (PredictionType)prediction);
        scheduler.SetTimesteps(4, 1);
        Near.Equal(expected, Run(scheduler, expected.Length), 1e-4);
    }

    [Theory]
    [MemberData(nameof(Trajectories))]
    public void SetTimesteps_AfterATrajectory_StartsAnotherThatEqualsIt(string variant, object prediction, float[] expected)
    {
        IDiffusionScheduler scheduler = SchedulerVariants.Create(variant, (PredictionType)prediction);
        scheduler.SetTimesteps(4, 1);
        float[] first = Run(scheduler, expected.Length);
        scheduler.SetTimesteps(4, 1);
        Assert.Equal(first, Run(scheduler, expected.Length));
    }

    [Theory]
    [MemberData(nameof(Trajectories))]
    public void Step_AllocatesNothing(string variant, object prediction, float[] expected)
    {
        _ = expected;
        IDiffusionScheduler scheduler = SchedulerVariants.Create(variant, (PredictionType)prediction);
        float[] sample = new float[64];
        float[] input = new float[64];
        float[] noise = new float[64];
        long least = long.MaxValue;
        for (int run = 0; run < 5; run++)
        {
            scheduler.SetTimesteps(6, 64);
            long before = GC.GetAllocatedBytesForCurrentThread();
            int count = scheduler.Timesteps.Length;
            for (int i = 0; i < count; i++)
            {
                scheduler.ScaleInput(sample, input);
                scheduler.Step(input, sample, noise);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    private static float[] Run(IDiffusionScheduler scheduler, int calls)
    {
        float[] sample = [Start * scheduler.InitNoiseSigma];
        float[] input = [0];
        float[] samples = new float[calls];
        for (int i = 0; i < calls; i++)
        {
            scheduler.ScaleInput(sample, input);
            float[] output = [MathF.Sin((3 * input[0]) + (float)(scheduler.Timesteps[i] / 1000)) * 0.3f];
            scheduler.Step(output, sample, scheduler.TakesNoise ? StepNoise.AsSpan(i, 1) : []);
            samples[i] = sample[0];
        }

        return samples;
    }
}
