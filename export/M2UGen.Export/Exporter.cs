using M2UGen.Export.Bundles;
using M2UGen.Export.Graph;
using M2UGen.Export.Sources;

namespace M2UGen.Export;

/// <summary>Turns checkpoints into bundles that M2UGen.Sdk runs.</summary>
public static class Exporter
{
    /// <summary>Makes a bundle. Weights stream from the checkpoint to the bundle one tensor at a time.</summary>
    /// <param name="options">From what and how.</param>
    /// <param name="progress">Told about stages and bytes, from a thread of the pool.</param>
    /// <param name="cancellationToken">Stops the work between tensors; what was written is removed.</param>
    /// <returns>The finished bundle.</returns>
    /// <exception cref="Checkpoints.CheckpointException">A source is missing, damaged or incomplete; all missing tensors are listed.</exception>
    /// <exception cref="Sdk.ModelBundleException">A tokenizer cannot be read.</exception>
    /// <exception cref="ExportException">The target is taken or makes no sense, the disk is too small, or switches contradict each other.</exception>
    /// <exception cref="ArgumentException">An option has no meaning: an empty path, a context of fewer than two tokens, a precision that is not written.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Task<ExportResult> ExportAsync(ExportOptions options, IProgress<ExportProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrWhiteSpace(options.OutputPath);
        if (options.ContextLength is < 2 or > 1 << 20)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.ContextLength, $"ContextLength is {options.ContextLength}; it must be from 2 to {1 << 20} tokens.");
        }

        options.Precision.Check();
        return Task.Run(() => Export(options, progress, cancellationToken), cancellationToken);
    }

    private static ExportResult Export(ExportOptions options, IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        GraphOptions graphs = new() { Taps = options.Taps, Precision = options.Precision };

        // A taken target is told before a checkpoint of many gigabytes is opened.
        TargetDirectory.Check(options.OutputPath, options.Force, []);
        SourceFinder.Selection selection = SourceFinder.Find(options);
        using BundlePlan plan = selection.MusicGenDirectory is { } musicGen ? MusicGenSource.Plan(musicGen, graphs)
            : selection.AudioLdm2Directory is { } audioLdm2 ? AudioLdm2Source.Plan(audioLdm2, graphs)
            : selection.AudioLdm2Folder is { } part ? AudioLdm2PartSource.Plan(part, graphs)
            : selection.Encoder is { } encoder ? EncoderSource.Plan(encoder, graphs)
            : M2UGenSource.Plan(selection.M2UGen!, options.ContextLength, graphs);
        StoredPrecision.CheckRules(graphs, plan.Parts);
        plan.Warnings.InsertRange(0, selection.Remarks);
        plan.Warnings.AddRange(graphs.UnusedTaps.Select(pattern => $"--taps {pattern}: no graph of this bundle has such a stage."));
        foreach (string warning in plan.Warnings)
        {
            progress?.Report(new ExportProgress(ExportStage.Check, warning));
        }

        return BundleWriter.Write(plan, options, progress, cancellationToken);
    }
}
