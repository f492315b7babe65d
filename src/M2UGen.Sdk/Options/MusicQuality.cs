namespace M2UGen.Sdk;

/// <summary>How much work a diffusion decoder puts into a piece. Each preset names a scheduler, a number of steps and of candidates; what <see cref="DiffusionOptions"/> sets wins over it.</summary>
/// <remarks>docs/how-to/audioldm2.md has each preset's measured distance to the reference and its time. Decoders without diffusion ignore it.</remarks>
public enum MusicQuality
{
    /// <summary>To hear what a prompt gives: DPM-Solver++ with Karras levels, 20 steps, one candidate.</summary>
    Draft = 0,

    /// <summary>DPM-Solver++ with Karras levels, 50 steps, three candidates of which the best is kept.</summary>
    Standard = 1,

    /// <summary>What the release does: DDIM, 200 steps, three candidates of which the best is kept.</summary>
    Reference = 2,
}
