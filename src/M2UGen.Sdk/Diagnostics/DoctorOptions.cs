using M2UGen.Sdk.Runtime;

namespace M2UGen.Sdk;

/// <summary>What an examination looks at. Immutable; derive a variant by <c>with</c>.</summary>
public sealed record DoctorOptions
{
    /// <summary>All values at their defaults: the installation alone.</summary>
    public static DoctorOptions Default { get; } = new();

    /// <summary>The bundle directory to examine.</summary>
    /// <value>Null: none.</value>
    public string? BundlePath { get; init; }

    /// <summary>The NVIDIA GPU to run on, as <see cref="M2UGenPipelineBuilder.UseCuda"/> takes it.</summary>
    /// <value>Null: the processor.</value>
    public int? CudaDeviceId { get; init; }

    /// <summary>The DirectX 12 GPU to run on, as <see cref="M2UGenPipelineBuilder.UseDirectML"/> takes it.</summary>
    /// <value>Null: the processor. Not with <see cref="CudaDeviceId"/>.</value>
    public int? DirectMLDeviceId { get; init; }

    /// <summary>Whether the SHA-256 of every file of the bundle is compared. Reads all of it.</summary>
    /// <value>False.</value>
    public bool VerifiesFiles { get; init; }

    /// <summary>Whether the bundle's components are run on small inputs, one after the other, and compared with what they gave when they were exported. Loads each of them.</summary>
    /// <value>True.</value>
    public bool RunsProbes { get; init; } = true;

    /// <summary>How the application would run pipelines: threads, and where ffmpeg is.</summary>
    /// <value><see cref="PipelineOptions.Default"/>.</value>
    public PipelineOptions Pipeline { get; init; } = PipelineOptions.Default;

    internal RuntimeOptions Runtime
    {
        get
        {
            ExecutionProviderKind provider = CudaDeviceId is not null ? ExecutionProviderKind.Cuda : DirectMLDeviceId is not null ? ExecutionProviderKind.DirectML : ExecutionProviderKind.Cpu;
            return new RuntimeOptions(provider, CudaDeviceId ?? DirectMLDeviceId ?? 0, Pipeline.Threads ?? 0);
        }
    }

    internal void Check(OptionsCheck check)
    {
        check.NotEmpty(nameof(DoctorOptions), nameof(BundlePath), BundlePath);
        check.Range(nameof(DoctorOptions), nameof(CudaDeviceId), CudaDeviceId, 0, int.MaxValue);
        check.Range(nameof(DoctorOptions), nameof(DirectMLDeviceId), DirectMLDeviceId, 0, int.MaxValue);
        check.NotBoth(nameof(DoctorOptions), nameof(CudaDeviceId), CudaDeviceId, nameof(DirectMLDeviceId), DirectMLDeviceId);
        check.NotNull(nameof(DoctorOptions), nameof(Pipeline), Pipeline);
        Pipeline?.Check(check);
    }
}
