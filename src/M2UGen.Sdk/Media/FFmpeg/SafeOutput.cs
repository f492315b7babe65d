using FFMpegCore;
using FFMpegCore.Arguments;

namespace M2UGen.Sdk.Media.FFmpeg;

/// <summary>A file as ffmpeg's output, whatever its name.</summary>
internal sealed class SafeOutput(string path) : IOutputArgument
{
    /// <inheritdoc/>
    public string Text => SafeInput.Url(path);

    /// <inheritdoc/>
    public void Pre(FFOptions options)
    {
    }

    /// <inheritdoc/>
    public Task During(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Post()
    {
    }
}
