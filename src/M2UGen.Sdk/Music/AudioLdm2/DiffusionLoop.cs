using System.Numerics.Tensors;
using M2UGen.Sdk.Music.AudioLdm2.Schedulers;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>From noise to latents: asks the UNet at every time of a scheduler, with guidance for both rows at once. Not thread-safe; a step allocates nothing.</summary>
internal sealed class DiffusionLoop
{
    private readonly UNetSession _unet;
    private readonly DiffusionSettings _settings;
    private readonly IDiffusionScheduler _scheduler;
    private readonly float[] _sample;
    private readonly float[] _prediction;
    private readonly float[] _noise;

    /// <param name="unet">The request's evaluations, begun with the scheduler's times: one sample, and with guidance two rows of conditions, the negative prompt's first.</param>
    /// <param name="settings">Guidance and method.</param>
    public DiffusionLoop(UNetSession unet, DiffusionSettings settings)
    {
        _unet = unet;
        _settings = settings;
        _sample = new float[unet.Sample.Length];
        _scheduler = settings.Begin(_sample.Length);
        _prediction = new float[_sample.Length];
        _noise = _scheduler.TakesNoise ? new float[_sample.Length] : [];
    }

    /// <summary>The latents after the last step; overwritten by the next one.</summary>
    public ReadOnlySpan<float> Sample => _sample;

    /// <summary>The model times of a trajectory, as <see cref="UNet.Begin"/> takes them.</summary>
    public static float[] Times(DiffusionSettings settings) => Array.ConvertAll(settings.Begin(1).Timesteps.ToArray(), time => (float)time);

    /// <summary>Standard normal noise of a candidate: the numbers of stream <see cref="RandomStreams.Noise"/> + candidate by Box and Muller's transform, in the order of the elements.</summary>
    public static float[] StartNoise(ulong seed, int candidate, int length)
    {
        float[] noise = new float[length];
        CounterRandom random = new(seed, RandomStreams.Noise + (uint)candidate);
        Fill(ref random, noise);
        return noise;
    }

    /// <summary>Runs a whole trajectory.</summary>
    /// <param name="startNoise">Standard normal; the scheduler's first noise level is applied here.</param>
    /// <param name="seed">Of the noise that steps add, where the method adds any: stream <see cref="RandomStreams.StepNoise"/> + candidate.</param>
    /// <param name="candidate">Which of the request's pieces.</param>
    /// <param name="stepped">Called after every evaluation with its number, from 1.</param>
    /// <param name="cancellationToken">Looked at in every step, and inside the UNet's run.</param>
    public void Run(ReadOnlySpan<float> startNoise, ulong seed, int candidate, Action<int> stepped, CancellationToken cancellationToken)
    {
        _scheduler.SetTimesteps(_settings.Steps, _sample.Length);
        TensorPrimitives.Multiply(startNoise, _scheduler.InitNoiseSigma, _sample);
        CounterRandom random = new(seed, RandomStreams.StepNoise + (uint)candidate);
        int count = _scheduler.Timesteps.Length;
        for (int i = 0; i < count; i++)
        {
            _scheduler.ScaleInput(_sample, _unet.Sample);
            _unet.Run(i, cancellationToken);
            if (_scheduler.TakesNoise)
            {
                Fill(ref random, _noise);
            }

            _scheduler.Step(Prediction(), _sample, _noise);
            stepped(i + 1);
        }
    }

    private ReadOnlySpan<float> Prediction()
    {
        ReadOnlySpan<float> output = _unet.Output;
        if (!_settings.IsGuided)
        {
            return output;
        }

        ClassifierFreeGuidance.Apply(output[_prediction.Length..], output[.._prediction.Length], (float)_settings.GuidanceScale, _prediction);
        return _prediction;
    }

    private static void Fill(ref CounterRandom random, Span<float> noise)
    {
        for (int i = 0; i < noise.Length; i++)
        {
            noise[i] = (float)random.NextGaussian();
        }
    }
}
