namespace M2UGen.Parity.Kinds;

/// <summary>Runs the cases of one or several kinds through the product's own code paths.</summary>
internal interface IParityKind
{
    /// <summary>Whether this handler runs cases whose case.json names <paramref name="kind"/>.</summary>
    bool Handles(string kind);

    /// <summary>
    /// Runs a case. Every tensor of expected.safetensors must get a line: compared, or skipped with a reason; one without a line
    /// becomes a failure afterwards. An exception becomes a failure of the case.
    /// </summary>
    void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken);
}
