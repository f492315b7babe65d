using System.CommandLine;
using M2UGen.Export.Commands;

RootCommand root = new("Turns M2UGen and MusicGen checkpoints into bundles for M2UGen.Sdk.")
{
    ExporterCommands.Export(),
    ExporterCommands.Inspect(),
    ExporterCommands.Verify(),
    ExporterCommands.Compare(),
    ExporterCommands.Calibrate(),
    ExporterCommands.Probe(),
    ExporterCommands.Synth(),
};
return await ExporterCommands.InvokeAsync(root, args).ConfigureAwait(false);
