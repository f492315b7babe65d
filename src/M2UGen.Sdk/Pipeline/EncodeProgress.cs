namespace M2UGen.Sdk.Pipeline;

/// <summary>Counts the stage <see cref="GenerationStage.Encode"/> in hundredths of an item: reading an item is the first fifth of it, encoding the rest.</summary>
/// <param name="items">Items of the request.</param>
internal sealed class EncodeProgress(int items)
{
    private const int Item = 100;
    private const int Reading = 20;

    private int _loaded;

    /// <summary>Nothing is done yet.</summary>
    public StageProgress Start() => At(0);

    /// <summary>A further item is decoded.</summary>
    public StageProgress Loaded() => At(++_loaded * Reading);

    /// <summary>Items are encoded.</summary>
    /// <param name="done">Items that are done.</param>
    /// <param name="part">The part of the next one that is done, 0 to 1.</param>
    public StageProgress Encoded(int done, double part) => At((items * Reading) + (int)((done + part) * (Item - Reading)));

    private StageProgress At(int completed) => new(GenerationStage.Encode, completed, items * Item);
}
