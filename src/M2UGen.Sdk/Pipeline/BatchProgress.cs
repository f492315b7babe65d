namespace M2UGen.Sdk.Pipeline;

/// <summary>Adds up how far the pieces of a batch have come, stage by stage.</summary>
/// <remarks>Called on the decoder's thread, one call at a time.</remarks>
internal sealed class BatchProgress
{
    private readonly UpdateWriter _updates;
    private readonly Dictionary<GenerationStage, StageProgress?[]> _stages = [];
    private readonly int _pieces;

    /// <param name="updates">Told of the sums.</param>
    /// <param name="pieces">How many there are.</param>
    public BatchProgress(UpdateWriter updates, int pieces)
    {
        _updates = updates;
        _pieces = pieces;
        Sinks = [.. Enumerable.Range(0, pieces).Select(piece => new Sink(this, piece))];
    }

    /// <summary>A sink for each piece. Sound is left out: it comes with the results.</summary>
    public IReadOnlyList<IMusicSink> Sinks { get; }

    private void Report(int piece, StageProgress progress)
    {
        if (!_updates.Wanted)
        {
            return;
        }

        if (!_stages.TryGetValue(progress.Stage, out StageProgress?[]? of))
        {
            of = new StageProgress?[_pieces];
            _stages.Add(progress.Stage, of);
        }

        of[piece] = progress;

        // A piece that has not begun counts as much as the others do on average.
        StageProgress[] known = [.. of.OfType<StageProgress>()];
        long total = known.Sum(p => p.Total) * _pieces / known.Length;
        _updates.Send(new StageProgress(progress.Stage, known.Sum(p => p.Completed), total));
    }

    private sealed class Sink(BatchProgress batch, int piece) : IMusicSink
    {
        public void Write(AudioChunk chunk)
        {
        }

        public void Report(StageProgress progress) => batch.Report(piece, progress);
    }
}
