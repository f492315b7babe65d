namespace M2UGen.Sdk.Music.AudioLdm2.Schedulers;

/// <summary>What all schedulers check.</summary>
internal static class SchedulerSteps
{
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public static void Check(SchedulerConfig config, int steps, int least = 1)
    {
        if (steps < least || steps > config.TrainTimesteps)
        {
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"The scheduler takes {least} to {config.TrainTimesteps} steps, not {steps}.");
        }
    }
}
