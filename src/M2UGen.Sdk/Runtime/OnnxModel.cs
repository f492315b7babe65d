using M2UGen.Sdk.Runtime.Bundles;
using Microsoft.ML.OnnxRuntime;

namespace M2UGen.Sdk.Runtime;

/// <summary>One ONNX Runtime session of a bundle's component, checked against the manifest before its first run.</summary>
internal sealed class OnnxModel : IOnnxModel
{
    private readonly InferenceSession _session;

    private OnnxModel(string component, BundleComponent description, InferenceSession session)
    {
        Component = component;
        Description = description;
        _session = session;
    }

    public string Component { get; }

    public BundleComponent Description { get; }

    /// <summary>Loads the graph of <paramref name="component"/>.</summary>
    /// <exception cref="ModelBundleException">The bundle lacks the component, or the runtime cannot read its files.</exception>
    /// <exception cref="ModelContractException">The graph's inputs or outputs are not those that the manifest lists.</exception>
    public static OnnxModel Load(ModelBundle bundle, string component, RuntimeOptions options)
    {
        BundleComponent description = bundle.Component(component);
        return Load(bundle.PathOf(description.Graph), component, description, options);
    }

    /// <summary>Loads the graph at <paramref name="path"/>, wherever it lies.</summary>
    /// <inheritdoc cref="Load(ModelBundle, string, RuntimeOptions)"/>
    public static OnnxModel Load(string path, string component, BundleComponent description, RuntimeOptions options)
    {
        // Only the token loops have small values and many steps of one shape.
        bool isTokenLoop = description.Inputs.Any(input => input.Name.StartsWith(KVCache.InputPrefix, StringComparison.Ordinal));
        InferenceSession session = OnnxRuntimeHost.CreateSession(path, component, options, plansMemory: isTokenLoop);
        try
        {
            IReadOnlyList<string> mismatches = ModelContract.Compare(description, session);
            return mismatches.Count == 0
                ? new OnnxModel(component, description, session)
                : throw new ModelContractException(component, path, mismatches);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Loads a graph that is in memory and is no whole component: nothing in the manifest tells its inputs and outputs.</summary>
    /// <param name="graph">The model file.</param>
    /// <param name="folder">Where its weights lie.</param>
    /// <param name="component">The component it is a part of.</param>
    /// <param name="description">The component's.</param>
    /// <param name="options">Where it runs.</param>
    /// <exception cref="ModelBundleException">The runtime cannot read it.</exception>
    public static OnnxModel LoadPart(byte[] graph, string folder, string component, BundleComponent description, RuntimeOptions options) =>
        new(component, description, OnnxRuntimeHost.CreateSession(graph, folder, component, options));

    public IModelRun CreateRun() => new ModelRun(Component, _session);

    public void Dispose() => _session.Dispose();

    /// <summary>One IoBinding and one RunOptions: what a caller needs to run the shared session again and again without allocating.</summary>
    private sealed class ModelRun(string component, InferenceSession session) : IModelRun
    {
        private readonly OrtIoBinding _binding = session.CreateIoBinding();
        private readonly RunOptions _options = new();
        private readonly SortedDictionary<string, NativeTensor?> _bound = new(StringComparer.Ordinal);
        private readonly List<string> _outputs = [];
        private readonly List<string> _allocated = [];

        public void BindInput(string name, NativeTensor tensor)
        {
            _binding.BindInput(name, tensor.Value);
            _bound[name] = tensor;
        }

        public void BindOutput(string name, NativeTensor tensor)
        {
            _binding.BindOutput(name, tensor.Value);
            Remember(name, tensor);
            _allocated.Remove(name);
        }

        public void BindOutputToAllocated(string name)
        {
            _binding.BindOutputToDevice(name, OrtMemoryInfo.DefaultInstance);
            Remember(name, null);
            if (!_allocated.Contains(name))
            {
                _allocated.Add(name);
            }
        }

        public void Run(CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // The runtime binds what it allocated, so a further run would write into the last run's tensors, and could only have their shapes.
            foreach (string name in _allocated)
            {
                _binding.BindOutputToDevice(name, OrtMemoryInfo.DefaultInstance);
            }

            // Terminate stops the run between two of its nodes. The flag is taken back only after the registration
            // is gone, so a late callback cannot stop the next run.
            CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static options => ((RunOptions)options!).Terminate = true, _options);
            try
            {
                session.RunWithBinding(_options, _binding);
            }
            catch (OnnxRuntimeException exception)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw new InferenceException(component, $"A run of component '{component}' failed with {Describe()}. {exception.Message}", exception);
            }
            finally
            {
                registration.Dispose();
                if (cancellationToken.IsCancellationRequested)
                {
                    _options.Terminate = false;
                }
            }
        }

        public NativeTensor TakeOutput(string name)
        {
            int index = _outputs.IndexOf(name);
            if (index < 0)
            {
                throw new InvalidOperationException($"'{name}' is not a bound output of component '{component}'.");
            }

            // Every call hands out fresh handles to all outputs of the run; all but the one taken are let go.
            NativeTensor? taken = null;
            int position = 0;
            foreach (OrtValue value in _binding.GetOutputValues())
            {
                if (position++ == index)
                {
                    taken = NativeTensor.Take(value);
                }
                else
                {
                    value.Dispose();
                }
            }

            return taken ?? throw new InvalidOperationException($"Component '{component}' has not run yet.");
        }

        public void Dispose()
        {
            _binding.Dispose();
            _options.Dispose();
        }

        private void Remember(string name, NativeTensor? tensor)
        {
            if (!_outputs.Contains(name))
            {
                _outputs.Add(name);
            }

            _bound[name] = tensor;
        }

        private string Describe() => string.Join("; ", _bound.Select(pair => pair.Value is { } tensor
            ? $"{pair.Key} {tensor.Kind} [{string.Join(", ", tensor.Shape.ToArray())}]"
            : $"{pair.Key} [any]"));
    }
}
