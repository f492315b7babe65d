using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Runtime;

/// <summary>A loaded graph. Everything outside this room sees ONNX Runtime only through this and <see cref="IModelRun"/>.</summary>
/// <remarks>Thread-safe: any number of runs may be made and used at the same time.</remarks>
internal interface IOnnxModel : IDisposable
{
    /// <summary>The component's name in the manifest.</summary>
    string Component { get; }

    /// <summary>What the manifest says of the component.</summary>
    BundleComponent Description { get; }

    /// <summary>Makes the state of one caller's runs: its bindings and its cancellation flag.</summary>
    IModelRun CreateRun();
}

/// <summary>What a loaded graph's contract says.</summary>
internal static class ModelContractExtensions
{
    /// <summary>The element type of an input; <see cref="TensorElementKind.Float"/> where the contract has none of that name.</summary>
    public static TensorElementKind KindOfInput(this IOnnxModel model, string name) => KindOf(model.Description.Inputs, name);

    /// <summary>The element type of an output; <see cref="TensorElementKind.Float"/> where the contract has none of that name.</summary>
    public static TensorElementKind KindOfOutput(this IOnnxModel model, string name) => KindOf(model.Description.Outputs, name);

    private static TensorElementKind KindOf(IReadOnlyList<TensorSpec> specs, string name)
        => specs.FirstOrDefault(spec => spec.Name == name)?.Kind ?? TensorElementKind.Float;
}

/// <summary>Bindings of one caller to a graph: bound once, run for every step. Not thread-safe.</summary>
internal interface IModelRun : IDisposable
{
    /// <summary>Binds an input to memory that stays the caller's. A name may be bound again.</summary>
    void BindInput(string name, NativeTensor tensor);

    /// <summary>Binds an output to memory that stays the caller's. It may be the memory of an input, where the operator writes in place.</summary>
    void BindOutput(string name, NativeTensor tensor);

    /// <summary>Leaves the memory of an output to the runtime, for shapes that only the run knows.</summary>
    void BindOutputToAllocated(string name);

    /// <summary>Runs the graph once.</summary>
    /// <exception cref="InferenceException">The runtime failed; the message names the component and the bound shapes.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, before the run or inside it.</exception>
    void Run(CancellationToken cancellationToken);

    /// <summary>Hands over an output of the last run that was bound by <see cref="BindOutputToAllocated"/>; the caller disposes it.</summary>
    NativeTensor TakeOutput(string name);
}
