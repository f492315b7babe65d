namespace M2UGen.Sdk.Pipeline;

/// <summary>One medium of a request: decoded already, or where to read it from.</summary>
/// <typeparam name="T">What it is decoded to.</typeparam>
internal sealed class MediaItem<T>
    where T : class
{
    private readonly T? _content;
    private readonly MediaSource? _source;

    public MediaItem(T content)
    {
        ArgumentNullException.ThrowIfNull(content);
        _content = content;
    }

    public MediaItem(MediaSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        _source = source;
    }

    /// <summary>The decoded medium; reads and decodes it if that is still to be done. Nothing is kept: a request that is sent twice reads twice.</summary>
    public async ValueTask<T> GetAsync(Func<MediaSource, Task<T>> decode) =>
        _content ?? await decode(_source!).ConfigureAwait(false);
}
