namespace M2UGen.Sdk.Runtime;

/// <summary>Where graphs run.</summary>
internal enum ExecutionProviderKind
{
    Cpu,

    /// <summary>NVIDIA GPUs.</summary>
    Cuda,

    /// <summary>GPUs of any maker under Windows.</summary>
    DirectML,
}

/// <summary>How sessions are made; the same for every component of a pipeline.</summary>
/// <param name="Provider">The execution provider; never replaced by another one silently.</param>
/// <param name="DeviceId">The device's number at that provider.</param>
/// <param name="Threads">Threads of one operator; 0 = as many as there are physical cores.</param>
internal sealed record RuntimeOptions(ExecutionProviderKind Provider = ExecutionProviderKind.Cpu, int DeviceId = 0, int Threads = 0);
