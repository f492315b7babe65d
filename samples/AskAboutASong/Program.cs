// Describes a song, then answers questions about it.
//
//   dotnet run --project samples/AskAboutASong -- bundles/m2ugen song.mp3 "Which instruments play?" "What is the mood of this music?"
using M2UGen.Sdk;

if (args is not [string bundle, string song, .. string[] questions])
{
    Console.Error.WriteLine("Give a bundle, a song, and any number of questions.");
    return 2;
}

using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };

try
{
    await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(bundle).LoadAsync(stop.Token);

    // Decoded once and asked about several times; WAV is read by the library, everything else by ffmpeg.
    AudioClip clip = await AudioClip.LoadAsync(song, stop.Token);
    Console.WriteLine($"{clip.Duration:m\\:ss}, {clip.SampleRate} Hz");

    AnswerResult caption = await pipeline.CaptionMusicAsync(clip, stop.Token);
    Console.WriteLine(caption.Text);

    foreach (string question in questions)
    {
        Console.WriteLine();
        Console.WriteLine($"> {question}");

        // The words as they come; AskAsync() instead would wait for all of them.
        await foreach (GenerationUpdate update in pipeline.Prompt(question).WithAudio(clip).StreamAsync(stop.Token))
        {
            if (update is TextDelta text)
            {
                Console.Write(text.Text);
            }
        }

        Console.WriteLine();
    }

    return 0;
}
catch (Exception e) when (e is M2UGenException or IOException or ArgumentException or OperationCanceledException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
