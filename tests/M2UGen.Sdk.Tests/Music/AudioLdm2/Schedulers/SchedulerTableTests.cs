using System.Text.Json.Nodes;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2.Schedulers;

/// <summary>Times and noise levels against numbers that diffusers 0.21.4 gave, and what is refused.</summary>
public sealed class SchedulerTableTests
{
    [Theory]
    [InlineData("ddim", "leading", new double[] { 901, 801, 701, 601, 501, 401, 301, 201, 101, 1 })]
    [InlineData("ddim", "linspace", new double[] { 999, 888, 777, 666, 555, 444, 333, 222, 111, 0 })]
    [InlineData("ddim", "trailing", new double[] { 999, 899, 799, 699, 599, 499, 399, 299, 199, 99 })]
    [InlineData("dpmpp_2", "leading", new double[] { 901, 811, 721, 631, 541, 451, 361, 271, 181, 91 })]
    [InlineData("dpmpp_2", "linspace", new double[] { 999, 899, 799, 699, 599, 500, 400, 300, 200, 100 })]
    [InlineData("dpmpp_2_karras", "leading", new double[] { 999, 942, 874, 791, 684, 537, 333, 113, 15, 0 })]
    [InlineData("unipc_2", "trailing", new double[] { 999, 899, 799, 699, 599, 499, 399, 299, 199, 99 })]
    [InlineData("pndm", "linspace", new double[] { 999, 938, 938, 888, 888, 827, 827, 777, 777, 716, 716, 666, 666, 555, 444, 333, 222, 111, 0 })]
    [InlineData("pndm_skip_prk", "leading", new double[] { 901, 801, 801, 701, 601, 501, 401, 301, 201, 101, 1 })]
    public void Timesteps_OfTenSteps_AreTheReferences(string variant, string spacing, double[] expected)
    {
        JsonObject json = SchedulerVariants.Published;
        json["timestep_spacing"] = spacing;
        SchedulerConfig config = SchedulerVariants.Read(json).Config;
        IDiffusionScheduler scheduler = variant switch
        {
            "ddim" => new DdimScheduler(config),
            "pndm" => new PndmScheduler(config),
            "pndm_skip_prk" => new PndmScheduler(config with { SkipPrkSteps = true }),
            "unipc_2" => new UniPcScheduler(config),
            _ => new DpmSolverScheduler(config with { UseKarrasSigmas = variant == "dpmpp_2_karras" }),
        };
        scheduler.SetTimesteps(10, 1);
        Assert.Equal(expected, scheduler.Timesteps.ToArray());
    }

    [Fact]
    public void KarrasSigmas_OfFourSteps_AreTheReferences()
    {
        EulerScheduler scheduler = new(SchedulerVariants.Read(SchedulerVariants.Published).Config with { UseKarrasSigmas = true });
        scheduler.SetTimesteps(4, 1);
        double[] times = [751, 502.6946751475334, 116.72122991085052, 1];
        float[] sigmas = [10.981123924255371f, 2.8092474937438965f, 0.5159911513328552f, 0.05490560084581375f, 0];
        Assert.All(times.Zip(scheduler.Timesteps.ToArray()), pair => Assert.InRange(pair.Second, pair.First * (1 - 1e-6), pair.First * (1 + 1e-6)));
        Assert.All(sigmas.Zip(scheduler.Sigmas.ToArray()), pair => Assert.InRange(pair.Second, pair.First * (1 - 1e-6f), pair.First * (1 + 1e-6f)));
    }

    [Fact]
    public void Timesteps_OfHeun_HaveEveryTimeButTheFirstTwice()
    {
        HeunScheduler scheduler = new(SchedulerVariants.Read(SchedulerVariants.Published).Config);
        scheduler.SetTimesteps(4, 1);
        Assert.Equal([751, 501, 501, 251, 251, 1, 1], scheduler.Timesteps.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(15)]
    [InlineData(61)]
    [InlineData(200)]
    public void Step_WithAnyNumberOfSteps_StaysFiniteAndEnds(int steps)
    {
        foreach (DiffusionScheduler kind in Enum.GetValues<DiffusionScheduler>())
        {
            foreach (TimestepSpacing spacing in Enum.GetValues<TimestepSpacing>())
            {
                foreach (bool karras in new[] { false, true })
                {
                    SchedulerConfig config = new() { Spacing = spacing, UseKarrasSigmas = karras, SolverOrder = 3 };
                    if (steps < SchedulerFactory.StepsOf(kind, config).Least)
                    {
                        continue;
                    }

                    IDiffusionScheduler scheduler = SchedulerFactory.Create(kind, config);
                    scheduler.SetTimesteps(steps, 1);
                    float[] sample = [0.5f * scheduler.InitNoiseSigma];
                    float[] input = [0];
                    for (int i = 0; i < scheduler.Timesteps.Length; i++)
                    {
                        scheduler.ScaleInput(sample, input);
                        scheduler.Step([0.1f * input[0]], sample, [0.3f]);
                        Assert.True(float.IsFinite(sample[0]), $"{kind}, {spacing}, Karras {karras}: step {i} of {steps} gave {sample[0]}");
                    }
                }
            }
        }
    }

    [Fact]
    public void Timesteps_OfASingleKarrasStep_BeginAtTheNoise()
    {
        DpmSolverScheduler scheduler = new(SchedulerVariants.Read(SchedulerVariants.Published).Config with { UseKarrasSigmas = true });
        scheduler.SetTimesteps(1, 1);
        Assert.Equal([999], scheduler.Timesteps.ToArray());
    }

    [Fact]
    public void Create_OfAScheduleThatEndsInPureNoise_IsDdimsAlone()
    {
        SchedulerConfig config = new() { RescaleBetasZeroSnr = true, Spacing = TimestepSpacing.Trailing, PredictionType = PredictionType.VPrediction };
        IDiffusionScheduler euler = SchedulerFactory.Create(DiffusionScheduler.Euler, config);
        euler.SetTimesteps(4, 1);
        Assert.InRange(euler.Sigmas[0], 80, 90);
        IDiffusionScheduler ddim = SchedulerFactory.Create(DiffusionScheduler.Ddim, config);
        ddim.SetTimesteps(4, 1);
        float[] sample = [0.5f];
        ddim.Step([0.25f], sample, []);

        // At pure noise the velocity is minus the sample.
        Assert.True(float.IsFinite(sample[0]));
    }

    [Fact]
    public void Step_OfThirdOrderWhereKarrasTimesEndAtZero_KeepsTheSample()
    {
        DpmSolverScheduler scheduler = new(SchedulerVariants.Read(SchedulerVariants.Published).Config with { UseKarrasSigmas = true, SolverOrder = 3 });
        scheduler.SetTimesteps(20, 1);
        float[] sample = [0.5f];
        for (int i = 0; i < scheduler.Timesteps.Length; i++)
        {
            scheduler.Step([0.1f], sample, []);
            Assert.True(float.IsFinite(sample[0]), $"step {i}");
        }
    }

    [Fact]
    public void Threshold_DividesEachRowByItsOwnQuantile()
    {
        float[] sample = [4, -2, 1, 0.5f, -0.25f, 0.5f];
        PredictedSample.Threshold(sample, 2, new SchedulerConfig { DynamicThresholdingRatio = 0.5, SampleMaxValue = 10 }, new float[3]);

        // The middle of 1, 2, 4 is 2; the second row's is below 1, which is the least.
        Assert.Equal([1, -1, 0.5f, 0.5f, -0.25f, 0.5f], sample);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public void SetTimesteps_OutOfRange_SaysWhatWouldBeRight(int steps)
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => new DdimScheduler(new SchedulerConfig()).SetTimesteps(steps, 1));
        Assert.Contains("1 to 1000", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SetTimesteps_OfPndmWithWarmUp_WantsFourSteps() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PndmScheduler(new SchedulerConfig()).SetTimesteps(3, 1));

    [Theory]
    [InlineData("_class_name", "\"DDPMScheduler\"")]
    [InlineData("prediction_type", "\"sample\"")]
    [InlineData("beta_schedule", "\"exp\"")]
    [InlineData("timestep_spacing", "7")]
    [InlineData("num_train_timesteps", "0")]
    [InlineData("clip_sample", "\"no\"")]
    [InlineData("interpolation_type", "\"log_linear\"")]
    [InlineData("use_beta_sigmas", "true")]
    [InlineData("trained_betas", "[2]")]
    [InlineData("solver_order", "9")]
    [InlineData("disable_corrector", "[-1]")]
    [InlineData("variance_type", "\"learned_range\"")]
    public void Read_OfWhatIsNotSupported_NamesTheKey(string key, string value)
    {
        JsonObject json = SchedulerVariants.Published;
        json[key] = JsonNode.Parse(value);
        List<string> problems = [];
        _ = SchedulerJson.Read(json, problems);
        Assert.StartsWith($"{key}: expected ", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfMissingKeys_TakesTheDefaultsOfTheClass()
    {
        SchedulerConfig ddim = SchedulerVariants.Read(new JsonObject { ["_class_name"] = "DDIMScheduler" }).Config;
        SchedulerConfig euler = SchedulerVariants.Read(new JsonObject { ["_class_name"] = "EulerDiscreteScheduler" }).Config;
        Assert.Equal((true, true, TimestepSpacing.Leading, BetaSchedule.Linear), (ddim.SetAlphaToOne, ddim.ClipSample, ddim.Spacing, ddim.BetaSchedule));
        Assert.Equal((false, TimestepSpacing.Linspace, 0), (euler.SetAlphaToOne, euler.Spacing, euler.StepsOffset));
        SchedulerConfig heun = SchedulerVariants.Read(new JsonObject { ["_class_name"] = "HeunDiscreteScheduler" }).Config;
        Assert.Equal((0.0001, 0.02, 0.00085, 0.012), (euler.BetaStart, euler.BetaEnd, heun.BetaStart, heun.BetaEnd));
    }
}
