using System.Globalization;
using System.Text;
using M2UGen.Sdk;

namespace M2UGen.Cli.Commands;

/// <summary>What 'chat' writes and reads: the music of a turn, and a whole conversation with its last music beside it.</summary>
internal static class ChatFile
{
    // A conversation is words: a file of this size is something else.
    private const long LargestConversation = 64L << 20;

    /// <summary>Saves music under the first free number.</summary>
    public static async Task<string> SaveMusicAsync(MusicResult music, string folder, CancellationToken cancellationToken)
    {
        int number = 1;
        string path;
        do
        {
            path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"music-{number++}.wav"));
        }
        while (File.Exists(path));

        await music.Audio.SaveAsync(path, new WavOptions { Comment = music.Manifest.ToJson() }, cancellationToken);
        return path;
    }

    /// <summary>Saves the words as JSON, and the last music as it was made (float samples, not clipped) under the same name with ".wav".</summary>
    public static async Task SaveAsync(string path, Conversation conversation, CancellationToken cancellationToken)
    {
        if (conversation.LastMusic is { } music)
        {
            await music.SaveAsync(MusicBeside(path), new WavOptions { Encoding = WavEncoding.Float32 }, cancellationToken);
        }

        string unfinished = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            await File.WriteAllTextAsync(unfinished, conversation.ToJson(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), cancellationToken);
            File.Move(unfinished, path, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    /// <summary>Reads what <see cref="SaveAsync"/> wrote, to go on at <paramref name="pipeline"/>.</summary>
    /// <exception cref="FormatException">The file is no conversation.</exception>
    public static async Task<Conversation> LoadAsync(string path, IM2UGenPipeline pipeline, ConversationOptions options, CancellationToken cancellationToken)
    {
        long length = new FileInfo(path).Length;
        if (length > LargestConversation)
        {
            throw new FormatException($"'{path}' has {length} bytes, which no conversation has. Give a file that '/save' wrote.");
        }

        Conversation conversation = Conversation.FromJson(pipeline, await File.ReadAllTextAsync(path, cancellationToken), options);
        if (File.Exists(MusicBeside(path)))
        {
            conversation.SetLastMusic(await AudioClip.LoadAsync(MusicBeside(path), cancellationToken));
        }

        return conversation;
    }

    private static string MusicBeside(string path) => $"{path}.wav";
}
