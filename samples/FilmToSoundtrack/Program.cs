// Makes a soundtrack for a film, in the film's length, and puts both into a new film. Needs ffmpeg.
//
//   dotnet run --project samples/FilmToSoundtrack -- bundles/m2ugen holiday.mp4 holiday-with-music.mp4 "Generate music for this video."
using M2UGen.Sdk;

if (args is not [string bundle, string film, string output, .. string[] words])
{
    Console.Error.WriteLine("Give a bundle, a film, and the film to write; words of your own may follow.");
    return 2;
}

using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };

try
{
    await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(bundle).LoadAsync(stop.Token);
    VideoClip clip = await VideoClip.OpenAsync(film, stop.Token);
    Console.WriteLine($"{clip.Width} x {clip.Height}, {clip.FrameCount} frames, {clip.Duration.TotalSeconds:0.0} s");

    // No duration is asked for, so the music is as long as the film.
    MusicResult? music = null;
    GenerationStage? stage = null;
    string prompt = words.Length > 0 ? words[0] : "Generate music for this video.";
    await foreach (GenerationUpdate update in pipeline.Prompt(prompt).WithVideo(clip).StreamAsync(stop.Token))
    {
        switch (update)
        {
            case StageProgress progress when progress.Stage != stage:
                stage = progress.Stage;
                Console.WriteLine($"[{stage}]");
                break;
            case GenerationCompleted completed:
                Console.WriteLine(completed.Result.Text);
                music = completed.Result.Music;
                break;
        }
    }

    if (music is null)
    {
        Console.Error.WriteLine("The model made no music. Try other words.");
        return 1;
    }

    // The pictures are copied as they are; only the sound is new.
    await clip.SaveWithAudioAsync(output, music.Audio, stop.Token);
    Console.WriteLine($"{output}: {music.Audio.Duration.TotalSeconds:0.0} s of music, seed {music.Seed}");
    return 0;
}
catch (Exception e) when (e is M2UGenException or IOException or ArgumentException or OperationCanceledException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
