using M2UGen.Sdk.Diagnostics;
using M2UGen.Sdk.Pipeline;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace M2UGen.Sdk;

/// <summary>Chooses how a bundle is loaded, then loads it. Not thread-safe; may be used for several loads.</summary>
public sealed class M2UGenPipelineBuilder
{
    private readonly string _path;
    private PipelineOptions _options = PipelineOptions.Default;
    private ILogger _logger = NullLogger.Instance;
    private IMusicDecoder? _music;
    private ExecutionProviderKind _provider = ExecutionProviderKind.Cpu;
    private int _device;
    private Precision? _precision;
    private long? _memoryBudget;

    internal M2UGenPipelineBuilder(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        _path = path;
    }

    /// <summary>Runs on the processor. The default.</summary>
    public M2UGenPipelineBuilder UseCpu() => Use(ExecutionProviderKind.Cpu, 0);

    /// <summary>Runs on an NVIDIA GPU. The application must reference the runtime's CUDA package (<c>Microsoft.ML.OnnxRuntime.Gpu</c>): without it loading fails, there is no silent fallback.</summary>
    /// <remarks>Bundles exported with <c>--precision float16</c> are made for it. Inputs and outputs are copied between processor and GPU at every run.</remarks>
    /// <param name="deviceId">The device's number at CUDA, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="deviceId"/> is negative.</exception>
    public M2UGenPipelineBuilder UseCuda(int deviceId = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(deviceId);
        return Use(ExecutionProviderKind.Cuda, deviceId);
    }

    /// <summary>Runs on a DirectX 12 GPU under Windows. The application must reference the runtime's DirectML package (<c>Microsoft.ML.OnnxRuntime.DirectML</c>): without it loading fails, there is no silent fallback.</summary>
    /// <remarks>As <see cref="UseCuda"/>. What DirectML has no operator for runs on the processor, as ONNX Runtime decides node by node.</remarks>
    /// <param name="deviceId">The adapter's number, 0 or more; 0 is the one of the first screen.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="deviceId"/> is negative.</exception>
    public M2UGenPipelineBuilder UseDirectML(int deviceId = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(deviceId);
        return Use(ExecutionProviderKind.DirectML, deviceId);
    }

    /// <summary>Insists on the precision of the bundle's weights: loading another one fails instead of giving other speed or quality than expected.</summary>
    /// <remarks>
    /// Precision is chosen when a bundle is exported; this does not convert. <see cref="Precision.Int8"/> and <see cref="Precision.Int4"/> concern the language models
    /// (<c>llama</c>, <c>musicgen-decoder</c>); the other precisions every component.
    /// </remarks>
    public M2UGenPipelineBuilder UsePrecision(Precision precision)
    {
        _precision = Enum.IsDefined(precision) ? precision : throw new ArgumentOutOfRangeException(nameof(precision), precision, "Unknown precision.");
        return this;
    }

    /// <summary>Keeps the process's anonymous memory below a limit: unloads what is not in use, and refuses requests that do not fit all the same.</summary>
    /// <param name="bytes">The limit (<see cref="PipelineOptions.MemoryBudget"/>, over which it wins).</param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is below 1.</exception>
    public M2UGenPipelineBuilder UseMemoryBudget(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        _memoryBudget = bytes;
        return this;
    }

    /// <summary>Makes music with a decoder of the application's own instead of the bundle's. It stays the caller's to dispose.</summary>
    public M2UGenPipelineBuilder UseMusicDecoder(IMusicDecoder decoder)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        _music = decoder;
        return this;
    }

    /// <summary>Replaces the options of the pipeline.</summary>
    public M2UGenPipelineBuilder WithOptions(PipelineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        return this;
    }

    /// <summary>Gives the pipeline a log. Prompts and answers appear at Trace only.</summary>
    public M2UGenPipelineBuilder WithLogger(ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(logger);
        _logger = logger;
        return this;
    }

    /// <summary>Opens the bundle, checks it, and makes the pipeline.</summary>
    /// <param name="cancellationToken">Stops loading between two components.</param>
    /// <inheritdoc cref="LoadAsync(IProgress{LoadProgress}?, CancellationToken)"/>
    public Task<M2UGenPipeline> LoadAsync(CancellationToken cancellationToken = default) => LoadAsync(null, cancellationToken);

    /// <summary>Opens the bundle, checks it, and makes the pipeline.</summary>
    /// <param name="progress">Told of every part that is opened.</param>
    /// <param name="cancellationToken">Stops loading between two components.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="ModelBundleException">The directory is no bundle, or an incomplete, damaged or newer one.</exception>
    /// <exception cref="ModelContractException">A graph is not what the manifest promises.</exception>
    /// <exception cref="UnsupportedCapabilityException">The bundle is a part of a model, or the execution provider or the precision is not there.</exception>
    public Task<M2UGenPipeline> LoadAsync(IProgress<LoadProgress>? progress, CancellationToken cancellationToken = default)
    {
        PipelineOptions options = _memoryBudget is { } budget ? _options with { MemoryBudget = budget } : _options;
        OptionsCheck check = new();
        options.Check(check);
        check.ThrowIfAny();

        // Reading and checking files blocks; callers on a user interface's thread must not notice.
        return Task.Run(() => Load(options, progress, cancellationToken), cancellationToken);
    }

    private M2UGenPipelineBuilder Use(ExecutionProviderKind provider, int device)
    {
        _provider = provider;
        _device = device;
        return this;
    }

    private M2UGenPipeline Load(PipelineOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        progress?.Report(new LoadProgress("bundle", 0));
        ModelBundle bundle = ModelBundle.OpenChecked(_path);
        BundleParts.CheckWhole(bundle);
        if (_precision is { } precision)
        {
            BundleParts.CheckPrecision(bundle, precision);
        }

        RuntimeOptions runtime = new(_provider, _device, options.Threads ?? 0);
        OnnxRuntimeHost.CheckProvider(runtime);
        ModelSet models = new(bundle, runtime, _logger);
        try
        {
            PipelineParts parts = BundleParts.Open(bundle, models, runtime, options, _music);
            if (options.LoadEagerly)
            {
                BundleParts.LoadAll(bundle, models, progress, cancellationToken);
            }

            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new LoadProgress("bundle", 1));
            Log.BundleOpened(_logger, Path.GetFileName(bundle.Directory), bundle.Manifest.Family, bundle.ManifestSha256, parts.Identity.Provider);
            return new M2UGenPipeline(parts, options, _logger);
        }
        catch
        {
            models.Dispose();
            throw;
        }
    }
}
