// A conversation on the console: the music that a line makes is what the next line is about ("now without the drums").
//
//   dotnet run --project samples/Chat -- bundles/m2ugen
//
// A line "image FILE", "audio FILE" or "video FILE" goes with the line after it; "undo" takes a turn back; an empty line ends.
using M2UGen.Sdk;

if (args is not [string bundle])
{
    Console.Error.WriteLine("Give a bundle.");
    return 2;
}

using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };

try
{
    await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(bundle).LoadAsync(stop.Token);
    Conversation conversation = pipeline.StartConversation(new ConversationOptions { Music = new MusicOptions { Duration = TimeSpan.FromSeconds(10) } });
    Func<M2UGenRequest, M2UGenRequest>? attach = null;
    while (Console.ReadLine()?.Trim() is { Length: > 0 } line)
    {
        switch (line.Split(' ', 2))
        {
            case ["undo"]:
                Console.WriteLine(conversation.UndoLast() ? "Taken back." : "There is nothing to take back.");
                continue;
            case ["image", string file]:
                attach = turn => turn.WithImage(file);
                continue;
            case ["audio", string file]:
                attach = turn => turn.WithAudio(file);
                continue;
            case ["video", string file]:
                attach = turn => turn.WithVideo(file);
                continue;
        }

        M2UGenResult result = await conversation.SendAsync(line, attach, stop.Token);
        attach = null;
        Console.WriteLine(result.Text);
        if (result.Music is { } music)
        {
            string file = $"music-{conversation.Turns.Count}.wav";
            await music.Audio.SaveAsync(file, stop.Token);
            Console.WriteLine($"{file}: {music.Audio.Duration.TotalSeconds:0.0} s");
        }
    }

    return 0;
}
catch (Exception e) when (e is M2UGenException or IOException or ArgumentException or OperationCanceledException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
