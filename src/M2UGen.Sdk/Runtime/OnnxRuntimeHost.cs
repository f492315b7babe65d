using Microsoft.ML.OnnxRuntime;

namespace M2UGen.Sdk.Runtime;

/// <summary>Makes sessions: the one place that knows the native library, its thread pools and its execution providers.</summary>
internal static class OnnxRuntimeHost
{
    private static readonly Lock EnvironmentLock = new();

    /// <summary>Whether sessions share one pool; false where the application made ONNX Runtime's environment itself: sessions then have pools of their own.</summary>
    public static bool HasGlobalPool { get; private set; }

    /// <summary>Whether the native library is there and can be loaded.</summary>
    public static bool IsAvailable
    {
        get
        {
            try
            {
                CheckProvider(new RuntimeOptions());
                return true;
            }
            catch (M2UGenException)
            {
                return false;
            }
        }
    }

    /// <summary>The version of the native library.</summary>
    public static string Version
    {
        get
        {
            // To ask makes the environment, and the first to make it decides about the pool.
            EnsureEnvironment();
            return OrtEnv.Instance().GetVersionString();
        }
    }

    /// <summary>How many threads run one operator: one a core, unless the options say otherwise.</summary>
    public static int ThreadsOf(RuntimeOptions options) => options.Threads > 0 ? options.Threads : PhysicalCores.Count;

    /// <summary>Makes sure that graphs can run where the options say, before any of them is loaded.</summary>
    /// <exception cref="UnsupportedCapabilityException">The native library does not have the execution provider.</exception>
    /// <exception cref="M2UGenException">There is no native library.</exception>
    public static void CheckProvider(RuntimeOptions options)
    {
        try
        {
            EnsureEnvironment();
            using SessionOptions session = new();
            AppendProvider(session, options);
        }
        catch (Exception exception) when (IsMissingLibrary(exception))
        {
            throw MissingLibrary(exception);
        }
    }

    /// <summary>The execution providers of the native library, by the names that it gives them.</summary>
    public static IReadOnlyList<string> Providers
    {
        get
        {
            EnsureEnvironment();
            return OrtEnv.Instance().GetAvailableProviders();
        }
    }

    /// <summary>Makes a session of the smallest graph where the options say: more than <see cref="CheckProvider"/>, since drivers and devices may fail later than names do.</summary>
    /// <exception cref="UnsupportedCapabilityException">The native library does not have the execution provider.</exception>
    /// <exception cref="OnnxRuntimeException">The provider makes no session.</exception>
    /// <exception cref="M2UGenException">There is no native library, or none that fits.</exception>
    public static void CheckSession(RuntimeOptions options)
    {
        CheckProvider(options);
        using SessionOptions session = new() { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        AppendProvider(session, options);
        using InferenceSession made = new(SmallestGraph.Bytes, session);
    }

    /// <summary>Loads a graph.</summary>
    /// <param name="path">The file.</param>
    /// <param name="component">Its name in messages.</param>
    /// <param name="options">Where it runs.</param>
    /// <param name="profilePrefix">Where the runtime writes the times of every node, to be measured; null for nowhere.</param>
    /// <param name="plansMemory">
    /// Whether a run takes one block of memory that is planned from the run before it, which had the same shapes. The block lies beside what that run left, so a graph with large values holds
    /// them twice; only where values are small and a step must take no time is that worth it.
    /// </param>
    /// <exception cref="ModelBundleException">The runtime cannot read the file.</exception>
    public static InferenceSession CreateSession(string path, string component, RuntimeOptions options, string? profilePrefix = null, bool plansMemory = true) =>
        CreateSession(path, component, options, profilePrefix, plansMemory, session => new InferenceSession(path, session));

    /// <summary>Loads a graph that is in memory.</summary>
    /// <param name="graph">The model file.</param>
    /// <param name="folder">Where its weights lie.</param>
    /// <param name="component">Its name in messages.</param>
    /// <param name="options">Where it runs.</param>
    /// <exception cref="ModelBundleException">The runtime cannot read it.</exception>
    public static InferenceSession CreateSession(byte[] graph, string folder, string component, RuntimeOptions options) =>
        CreateSession(folder, component, options, profilePrefix: null, plansMemory: false, session =>
        {
            session.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder);
            return new InferenceSession(graph, session);
        });

    private static InferenceSession CreateSession(string path, string component, RuntimeOptions options, string? profilePrefix, bool plansMemory, Func<SessionOptions, InferenceSession> open)
    {
        try
        {
            EnsureEnvironment();
            using SessionOptions session = new()
            {
                ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,

                // Graphs are written fused; what the runtime still finds to do costs load time only.
                GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
                EnableMemoryPattern = plansMemory,
            };

            // Weights are put into their kernels' form by all threads, not by one: 3 to 4 s in place of 6 to 10 for the 7B model in int4. The form takes as much memory of the process as ever; pages of
            // the mapped file stay until all of it is read, instead of going tensor by tensor, but the system may have them back at any time.
            session.AddSessionConfigEntry("session.prepack.enable_parallel", "1");
            if (options.Threads > 0 || !HasGlobalPool)
            {
                session.IntraOpNumThreads = ThreadsOf(options);
            }
            else
            {
                session.DisablePerSessionThreads();
            }

            if (profilePrefix is not null)
            {
                // In this order: switching profiling on takes the prefix that is set at the time, else the working directory's.
                session.ProfileOutputPathPrefix = profilePrefix;
                session.EnableProfiling = true;
            }

            AppendProvider(session, options);
            return open(session);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new ModelBundleException(path, $"ONNX Runtime cannot load component '{component}' from '{path}': {exception.Message}", exception);
        }
        catch (Exception exception) when (IsMissingLibrary(exception))
        {
            throw MissingLibrary(exception);
        }
    }

    /// <summary>
    /// Two sessions with pools of their own spin against each other: the decoder and the codec alternate at every chunk of audio.
    /// One pool for the process, sized to its cores, was the fastest of what was measured (docs/decisions/0003-one-thread-pool.md).
    /// </summary>
    private static void EnsureEnvironment()
    {
        lock (EnvironmentLock)
        {
            if (OrtEnv.IsCreated)
            {
                return;
            }

            using OrtThreadingOptions threads = new()
            {
                GlobalIntraOpNumThreads = PhysicalCores.Count,
                GlobalInterOpNumThreads = 1,
                GlobalSpinControl = true,
            };
            EnvironmentCreationOptions creation = new()
            {
                logId = "M2UGen.Sdk",
                logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
                threadOptions = threads,
            };
            OrtEnv.CreateInstanceWithOptions(ref creation);
            HasGlobalPool = true;
        }
    }

    private static void AppendProvider(SessionOptions session, RuntimeOptions options)
    {
        if (options.Provider == ExecutionProviderKind.Cpu)
        {
            return;
        }

        try
        {
            switch (options.Provider)
            {
                case ExecutionProviderKind.Cuda:
                    session.AppendExecutionProvider_CUDA(options.DeviceId);
                    break;
                case ExecutionProviderKind.DirectML:
                    // It plans memory itself, and takes one run of a session at a time: both are its conditions.
                    session.EnableMemoryPattern = false;
                    session.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
                    session.AppendExecutionProvider_DML(options.DeviceId);
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(options), options.Provider, "Unknown execution provider.");
            }
        }
        catch (Exception exception) when (exception is EntryPointNotFoundException or OnnxRuntimeException or DllNotFoundException)
        {
            // Three kinds, as the native library fails in three ways: no such entry point, no such provider, no such file.
            string available = string.Join(", ", OrtEnv.Instance().GetAvailableProviders());
            string reason = exception is EntryPointNotFoundException ? $"its native library was built without it ({exception.Message.TrimEnd('.')})." : exception.Message;
            throw new UnsupportedCapabilityException(
                options.Provider.ToString(),
                $"ONNX Runtime {Version} of this application cannot run on {options.Provider} (device {options.DeviceId}): {reason} It has: {available}. "
                + $"{NeedsOf(options.Provider)} Or use the CPU. There is no silent fallback.");
        }
    }

    /// <summary>What an application has to bring for a provider.</summary>
    private static string NeedsOf(ExecutionProviderKind provider) => provider switch
    {
        ExecutionProviderKind.Cuda => "Use the package Microsoft.ML.OnnxRuntime.Gpu in place of Microsoft.ML.OnnxRuntime, on a machine with an NVIDIA driver, CUDA and cuDNN of the versions that it names.",
        ExecutionProviderKind.DirectML => "Use the package Microsoft.ML.OnnxRuntime.DirectML in place of Microsoft.ML.OnnxRuntime, under Windows with a DirectX 12 GPU.",
        _ => $"Add the native package for {provider} to the application.",
    };

    private static M2UGenException MissingLibrary(Exception exception) => exception.GetBaseException() is DllNotFoundException or BadImageFormatException
        ? new("The native ONNX Runtime library was not found. This library needs only its managed half; add one native package to the application, for example Microsoft.ML.OnnxRuntime (CPU).", exception)
        : new($"The native ONNX Runtime library does not fit its managed half, {NativeRuntime.ManagedVersion}: {exception.GetBaseException().Message} Give both packages the same version; 'm2ugen doctor' shows which file was loaded.", exception);

    /// <summary>The managed half looks for the native one, and for the table of functions that it was written for, when its first type is made; that type fails ever after.</summary>
    private static bool IsMissingLibrary(Exception exception) => exception is DllNotFoundException or BadImageFormatException or TypeInitializationException;
}
