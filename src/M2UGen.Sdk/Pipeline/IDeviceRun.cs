namespace M2UGen.Sdk.Pipeline;

/// <summary>Work that takes one place on the device: a request, or several together.</summary>
internal interface IDeviceRun
{
    /// <summary>Whether <see cref="PrepareAsync"/> has anything to do; if so it may hold much memory from then on.</summary>
    bool HasMedia { get; }

    /// <summary>What needs no model and so no place on the device.</summary>
    Task PrepareAsync(UpdateWriter updates, CancellationToken cancellationToken);

    /// <summary>Does the work on the calling thread; the last update is the result.</summary>
    void Run(UpdateWriter updates, CancellationToken cancellationToken);
}
