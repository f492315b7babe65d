using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Fakes;

/// <summary>Stands in for any graph: a run calls <paramref name="body"/>, which reads and writes the bound tensors.</summary>
internal sealed class FakeOnnxModel(string component, Action<FakeModelRun, CancellationToken> body) : IOnnxModel
{
    private int _liveRuns;

    public string Component => component;

    public BundleComponent Description { get; init; } = new()
    {
        Graph = "fake.onnx",
        Files = [],
        Precision = "float32",
        Inputs = [],
        Outputs = [],
    };

    /// <summary>Runs that were made and not yet disposed.</summary>
    public int LiveRuns => Volatile.Read(ref _liveRuns);

    public bool Disposed { get; private set; }

    public IModelRun CreateRun()
    {
        ObjectDisposedException.ThrowIf(Disposed, this);
        Interlocked.Increment(ref _liveRuns);
        return new FakeModelRun(body, () => Interlocked.Decrement(ref _liveRuns));
    }

    public void Dispose()
    {
        Assert.Equal(0, LiveRuns);
        Disposed = true;
    }
}

/// <summary>The bindings of one caller.</summary>
internal sealed class FakeModelRun(Action<FakeModelRun, CancellationToken> body, Action disposed) : IModelRun
{
    private readonly Dictionary<string, NativeTensor> _inputs = [];
    private readonly Dictionary<string, NativeTensor> _outputs = [];

    public NativeTensor Input(string name) => _inputs[name];

    public NativeTensor Output(string name) => _outputs[name];

    public void BindInput(string name, NativeTensor tensor) => _inputs[name] = tensor;

    public void BindOutput(string name, NativeTensor tensor) => _outputs[name] = tensor;

    public void BindOutputToAllocated(string name) => _outputs.Remove(name);

    /// <summary>Gives an output that was bound to allocated memory; called by the body.</summary>
    public void Allocate(string name, NativeTensor tensor) => _outputs[name] = tensor;

    public void Run(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        body(this, cancellationToken);
    }

    public NativeTensor TakeOutput(string name) => _outputs.Remove(name, out NativeTensor? tensor) ? tensor : throw new InvalidOperationException($"'{name}' was not allocated.");

    public void Dispose() => disposed();
}
