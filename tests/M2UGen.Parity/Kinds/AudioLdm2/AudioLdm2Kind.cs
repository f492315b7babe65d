namespace M2UGen.Parity.Kinds.AudioLdm2;

/// <summary>A whole AudioLDM2: every stage by itself, and the pipeline from prompts to ranked waveforms with the case's noise.</summary>
internal sealed class AudioLdm2Kind : IParityKind
{
    public bool Handles(string kind) => kind == "audioldm2";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        AudioLdm2TextRows.Run(c, report, cancellationToken);
        AudioLdm2UNetRows.Run(c, report, cancellationToken);
        report.Row("pipeline (bundle)", () =>
        {
            using AudioLdm2Bundle bundle = AudioLdm2Bundle.Open(c);
            AudioLdm2PipelineRows.Run(c, bundle, report, cancellationToken);
        });
    }
}
