using System.Text;
using FFMpegCore;
using FFMpegCore.Arguments;

namespace M2UGen.Sdk.Media.FFmpeg;

/// <summary>A file as ffmpeg's input, whatever its name: quotes, leading dashes, colons and percent signs stay part of the name.</summary>
internal sealed class SafeInput(string path) : IInputArgument
{
    /// <inheritdoc/>
    public string Text => $"-i {Url(path)}";

    /// <summary>The quoted name with ffmpeg's file protocol before it, so that no other protocol is read into it.</summary>
    public static string Url(string path) => Quote($"file:{path}");

    /// <summary>One argument of a command line, by the rules that .NET and Windows split it by.</summary>
    public static string Quote(string argument)
    {
        StringBuilder text = new("\"");
        int backslashes = 0;
        foreach (char c in argument)
        {
            if (c == '\\')
            {
                backslashes++;
                continue;
            }

            // Backslashes count twice before a quote, and the quote needs one of its own.
            text.Append('\\', c == '"' ? (2 * backslashes) + 1 : backslashes).Append(c);
            backslashes = 0;
        }

        return text.Append('\\', 2 * backslashes).Append('"').ToString();
    }

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
