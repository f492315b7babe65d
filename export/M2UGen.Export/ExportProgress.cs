namespace M2UGen.Export;

/// <summary>What an export is doing.</summary>
public enum ExportStage
{
    /// <summary>Finding and checking the sources; nothing is written yet.</summary>
    Check,

    /// <summary>Taking the checksums of the source files.</summary>
    Hash,

    /// <summary>Writing graphs and weights.</summary>
    Write,

    /// <summary>Opening the written bundle and giving it its name.</summary>
    Finish,

    /// <summary>Running language models to measure their keys and values.</summary>
    Calibrate,

    /// <summary>Running each component once on small inputs, to record what it gives. Comes before the bundle gets its name.</summary>
    Probe,
}

/// <summary>How far an export is.</summary>
/// <param name="Stage">The part of the work.</param>
/// <param name="Item">The file or component at hand; in <see cref="ExportStage.Check"/> a remark for the user, in full sentences.</param>
/// <param name="BytesDone">Bytes of this stage that are done.</param>
/// <param name="BytesTotal">All bytes of this stage; 0 where they are not counted.</param>
public sealed record ExportProgress(ExportStage Stage, string Item, long BytesDone = 0, long BytesTotal = 0);
