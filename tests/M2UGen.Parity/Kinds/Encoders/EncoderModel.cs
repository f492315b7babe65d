using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;
using M2UGen.Export.Sources;
using M2UGen.Parity.Kinds.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.Encoders;

/// <summary>A case's encoder directory with the case's aggregation, written by the exporter and loaded by the SDK's runtime.</summary>
internal sealed class EncoderModel : IDisposable
{
    private readonly OnnxModel model;
    private readonly string input;

    private EncoderModel(OnnxModel model)
    {
        this.model = model;
        input = model.Description.Inputs[0].Name;
    }

    /// <summary>Exports and loads one.</summary>
    /// <param name="c">The case; its inputs hold agg.weight and agg.bias.</param>
    /// <param name="directory">The open directory.</param>
    /// <param name="taps">Inner stages that become outputs.</param>
    public static EncoderModel Open(ParityCase c, EncoderDirectory directory, params string[] taps)
    {
        using Checkpoint inputs = Checkpoint.Open(c.Resolve("inputs.safetensors"));
        BundlePart part = directory.CreatePart(WeightMap.From(inputs), new GraphOptions { Taps = taps, Precision = c.Precision }, "agg");
        return new EncoderModel(GraphRun.Load(part.Graph, c.Exports.Scratch(part.Component)));
    }

    /// <summary>Where a case's directory lies: beside case.json, or where it says.</summary>
    public static string DirectoryOf(ParityCase c) => c.HasFile("checkpoint") ? c.FileOf("checkpoint") : c.Folder;

    /// <summary>Runs a batch of one.</summary>
    /// <param name="values">The graph's only input.</param>
    /// <param name="shape">Its shape without the batch.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>All outputs by name, shapes without the batch.</returns>
    public Dictionary<string, (float[] Values, long[] Shape)> Run(ReadOnlySpan<float> values, ReadOnlySpan<long> shape, CancellationToken cancellationToken)
    {
        using NativeTensor tensor = NativeTensor.Of(values, [1, .. shape]);
        using IModelRun run = model.CreateRun();
        run.BindInput(input, tensor);
        foreach (TensorSpec output in model.Description.Outputs)
        {
            run.BindOutputToAllocated(output.Name);
        }

        run.Run(cancellationToken);
        Dictionary<string, (float[], long[])> outputs = [];
        foreach (TensorSpec output in model.Description.Outputs)
        {
            (float[] elements, long[] dimensions) = MusicRuns.Take(run.TakeOutput(output.Name));
            outputs.Add(output.Name, (elements, dimensions[1..]));
        }

        return outputs;
    }

    public void Dispose() => model.Dispose();
}
