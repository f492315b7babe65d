using M2UGen.Sdk;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Export.Slicing;

/// <summary>A component that is loaded slice by slice in every run, so that an export can run what does not fit into its memory.</summary>
/// <remarks>
/// A run reads all weights from the disk again: this is for few runs over many tokens. Results are those of the whole graph, whose operators run one by one all the same.
/// Thread-safe; runs are not.
/// </remarks>
internal sealed class SlicedModel : IOnnxModel
{
    // As many weights as a slice has, and the file's pages that they are copied from.
    private const long MaxWeightBytes = 256L << 20;

    private readonly SlicedGraph _graph;
    private readonly string _folder;
    private readonly RuntimeOptions _options;

    private SlicedModel(string component, BundleComponent description, SlicedGraph graph, string folder, RuntimeOptions options)
    {
        Component = component;
        Description = description;
        _graph = graph;
        _folder = folder;
        _options = options;
    }

    public string Component { get; }

    public BundleComponent Description { get; }

    /// <summary>Reads a component's graph; weights are read by its runs.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="component">The component.</param>
    /// <param name="options">Where it runs.</param>
    /// <param name="maxWeightBytes">Bytes of weights a slice.</param>
    /// <exception cref="ModelBundleException">The bundle lacks the component, or its file is no graph.</exception>
    public static SlicedModel Open(ModelBundle bundle, string component, RuntimeOptions options, long maxWeightBytes = MaxWeightBytes)
    {
        BundleComponent description = bundle.Component(component);
        string path = bundle.PathOf(description.Graph);
        try
        {
            return new SlicedModel(component, description, SlicedGraph.Cut(OnnxGraphReader.ReadBytes(path), maxWeightBytes), Path.GetDirectoryName(path)!, options);
        }
        catch (InvalidDataException exception)
        {
            throw new ModelBundleException(path, $"'{path}' is no ONNX graph: {exception.Message}. Export the bundle again with m2ugen-export.", exception);
        }
    }

    public IModelRun CreateRun() => new SlicedRun(this);

    public void Dispose()
    {
    }

    private OnnxModel Load(GraphSlice slice, Func<string, TensorElementKind> kindOf) => OnnxModel.LoadPart(slice.Write(kindOf), _folder, Component, Description, _options);

    private sealed class SlicedRun(SlicedModel model) : IModelRun
    {
        private readonly Dictionary<string, NativeTensor> _inputs = new(StringComparer.Ordinal);
        private readonly Dictionary<string, NativeTensor> _outputs = new(StringComparer.Ordinal);
        private readonly HashSet<string> _allocated = new(StringComparer.Ordinal);
        private readonly Dictionary<string, NativeTensor> _made = new(StringComparer.Ordinal);

        public void BindInput(string name, NativeTensor tensor) => _inputs[name] = tensor;

        public void BindOutput(string name, NativeTensor tensor)
        {
            _outputs[name] = tensor;
            _allocated.Remove(name);
        }

        public void BindOutputToAllocated(string name)
        {
            _outputs.Remove(name);
            _allocated.Add(name);
        }

        public void Run(CancellationToken cancellationToken)
        {
            FreeMade(_ => true);
            for (int i = 0; i < model._graph.Slices.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Run(i, cancellationToken);

                // What no later slice reads, and nobody asked for, is done with.
                FreeMade(name => !_allocated.Contains(name) && !model._graph.IsReadBehind(i, name));
            }

            NativeHeap.Trim();
        }

        public NativeTensor TakeOutput(string name) => _made.Remove(name, out NativeTensor? tensor)
            ? tensor
            : throw new InvalidOperationException($"'{name}' is not an allocated output of component '{model.Component}', or it has not run yet.");

        public void Dispose() => FreeMade(_ => true);

        private void Run(int index, CancellationToken cancellationToken)
        {
            GraphSlice slice = model._graph.Slices[index];
            using OnnxModel part = model.Load(slice, name => ValueOf(name).Kind);
            using IModelRun run = part.CreateRun();
            foreach (string name in slice.Needs)
            {
                run.BindInput(name, ValueOf(name));
            }

            List<string> made = [];
            foreach (string name in slice.Gives)
            {
                if (_outputs.TryGetValue(name, out NativeTensor? tensor))
                {
                    run.BindOutput(name, tensor);
                }
                else if (_allocated.Contains(name) || model._graph.IsReadBehind(index, name))
                {
                    run.BindOutputToAllocated(name);
                    made.Add(name);
                }
            }

            run.Run(cancellationToken);
            foreach (string name in made)
            {
                _made.Add(name, run.TakeOutput(name));
            }
        }

        private NativeTensor ValueOf(string name) =>
            _made.TryGetValue(name, out NativeTensor? made) ? made
            : _inputs.TryGetValue(name, out NativeTensor? input) ? input
            : _outputs.TryGetValue(name, out NativeTensor? output) ? output
            : throw new InvalidOperationException($"Input '{name}' of component '{model.Component}' is not bound.");

        private void FreeMade(Func<string, bool> isDone)
        {
            foreach (string name in _made.Keys.Where(isDone).ToArray())
            {
                _made.Remove(name, out NativeTensor? tensor);
                tensor!.Dispose();
            }
        }
    }
}
