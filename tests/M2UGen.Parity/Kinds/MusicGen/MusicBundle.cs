using M2UGen.Export;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Parity.Kinds.MusicGen;

/// <summary>A case's checkpoint, exported and opened: the SDK's decoder over it, and its graphs for stages that no component gives out.</summary>
internal sealed class MusicBundle : IDisposable
{
    private MusicBundle(string folder)
    {
        Bundle = ModelBundle.Open(folder);
        Models = new ModelSet(Bundle, new RuntimeOptions());
        Decoder = MusicGenDecoder.Open(Models, Bundle);
    }

    public ModelBundle Bundle { get; }

    public ModelSet Models { get; }

    public MusicGenDecoder Decoder { get; }

    public MusicGenConfig Config => Decoder.Config;

    /// <summary>The MusicGen directory of a case, which may name the weights in it instead.</summary>
    public static string DirectoryOf(ParityCase c)
    {
        string checkpoint = c.FileOf("checkpoint");
        return Directory.Exists(checkpoint) ? checkpoint : Path.GetDirectoryName(checkpoint)!;
    }

    /// <summary>The case's checkpoint as users export it.</summary>
    public static MusicBundle Open(ParityCase c) => Open(c, []);

    /// <summary>The same with all inner stages as extra outputs.</summary>
    public static MusicBundle OpenTapped(ParityCase c) => Open(c, ["*"]);

    /// <summary>Runs a graph with inputs by name and hands its outputs over; for inner stages, which are outputs of a tapped bundle only.</summary>
    /// <param name="component">The graph.</param>
    /// <param name="inputs">All of its inputs; stay the caller's.</param>
    /// <param name="outputs">The outputs wanted; the caller disposes them.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    public NativeTensor[] Run(string component, IReadOnlyDictionary<string, NativeTensor> inputs, IReadOnlyList<string> outputs, CancellationToken cancellationToken)
    {
        IOnnxModel model = Models.Get(component);
        using IModelRun run = model.CreateRun();
        foreach ((string name, NativeTensor tensor) in inputs)
        {
            run.BindInput(name, tensor);
        }

        // The runtime wants every output bound, wanted or not.
        foreach (TensorSpec output in model.Description.Outputs)
        {
            run.BindOutputToAllocated(output.Name);
        }

        run.Run(cancellationToken);
        return [.. outputs.Select(run.TakeOutput)];
    }

    public void Dispose() => Models.Dispose();

    private static MusicBundle Open(ParityCase c, string[] taps)
    {
        string checkpoint = DirectoryOf(c);
        ExportOptions Options(string folder) => new() { Source = checkpoint, OutputPath = folder, Taps = taps, Precision = c.Precision };
        return new MusicBundle(c.Exports.Get(
            $"musicgen|{checkpoint}|{string.Join(',', taps)}", folder => Exporter.ExportAsync(Options(folder)).GetAwaiter().GetResult()));
    }
}
