using M2UGen.Export.Bundles;
using M2UGen.Export.Graph;
using M2UGen.Export.Sources;
using M2UGen.Parity.Kinds.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>The graphs of one folder of a case, written by the exporter and loaded by the SDK's runtime, with all inner stages as extra outputs or without.</summary>
internal sealed class DiffusionParts : IDisposable
{
    private readonly DiffusionFolder folder;
    private readonly Dictionary<string, BundlePart> parts;

    /// <param name="c">The case.</param>
    /// <param name="folder">The folder; this object's from now on.</param>
    /// <param name="taps">Inner stages that become outputs.</param>
    public DiffusionParts(ParityCase c, DiffusionFolder folder, params string[] taps)
    {
        this.folder = folder;
        parts = folder.CreateParts(new GraphOptions { Taps = taps, Precision = c.Precision }).ToDictionary(part => part.Component);
        Models = new ModelSet(component => GraphRun.Load(parts[component].Graph, c.Exports.Scratch(component)));
    }

    /// <summary>For the SDK's own classes.</summary>
    public ModelSet Models { get; }

    /// <summary>A number that the exporter leaves for the runtime.</summary>
    public int Number(string component, string key) => parts[component].Config[key]!.GetValue<int>();

    /// <summary>A number that need not be whole.</summary>
    public double Real(string component, string key) => parts[component].Config[key]!.GetValue<double>();

    /// <summary>Runs a graph and takes all of its outputs.</summary>
    public Dictionary<string, (float[] Values, long[] Shape)> Run(string component, CancellationToken cancellationToken, params (string Name, NativeTensor Tensor)[] inputs)
    {
        IOnnxModel model = Models.Get(component);
        using IModelRun run = model.CreateRun();
        foreach ((string name, NativeTensor tensor) in inputs)
        {
            run.BindInput(name, tensor);
        }

        foreach (string output in parts[component].Graph.Outputs.Select(output => output.Name))
        {
            run.BindOutputToAllocated(output);
        }

        run.Run(cancellationToken);
        return parts[component].Graph.Outputs.ToDictionary(output => output.Name, output => MusicRuns.Take(run.TakeOutput(output.Name)));
    }

    /// <summary>Compares every stored stage whose name starts with <paramref name="prefix"/> and that the graph gave; where fewer rows are stored, those.</summary>
    public static void Compare(ParityCase c, ParityReport report, string prefix, IReadOnlyDictionary<string, (float[] Values, long[] Shape)> outputs)
    {
        foreach ((string stage, (float[] values, long[] shape)) in outputs)
        {
            string tensor = prefix + stage;
            if (c.Expected.Has(tensor) && !report.Has(tensor))
            {
                long[] stored = c.Expected.Shape(tensor);
                bool isPart = stored.Length == shape.Length && stored[0] < shape[0];
                int kept = isPart ? checked((int)(values.Length / shape[0] * stored[0])) : values.Length;
                report.Compare(tensor, values.AsSpan(0, kept), isPart ? [stored[0], .. shape[1..]] : shape);
            }
        }
    }

    public void Dispose()
    {
        Models.Dispose();
        folder.Dispose();
    }
}
