// Makes music for a picture.
//
//   dotnet run --project samples/PictureToMusic -- bundles/m2ugen beach.jpg beach.wav "Generate music for this image."
using M2UGen.Sdk;

if (args is not [string bundle, string picture, string output, .. string[] words])
{
    Console.Error.WriteLine("Give a bundle, a picture, and the WAV file to write; words of your own may follow.");
    return 2;
}

using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };

try
{
    await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(bundle).LoadAsync(stop.Token);
    MusicResult music = await pipeline
        .Prompt(words.Length > 0 ? words[0] : "Generate music for this image.")
        .WithImage(picture)
        .WithMusic(new MusicOptions { Duration = TimeSpan.FromSeconds(10) })
        .GenerateMusicAsync(stop.Token);
    Console.WriteLine(music.Answer?.Text);

    // The manifest in the file says how the music came about: the same request and seed give the same samples again.
    await music.Audio.SaveAsync(output, new WavOptions { Comment = music.Manifest.ToJson() }, stop.Token);
    Console.WriteLine($"{output}: {music.Audio.Duration.TotalSeconds:0.0} s, seed {music.Seed}");
    return 0;
}
catch (MusicNotGeneratedException e)
{
    // The model decides whether music follows its answer; other words may move it.
    Console.Error.WriteLine($"No music was made. The model says: {e.Answer}");
    return 1;
}
catch (Exception e) when (e is M2UGenException or IOException or ArgumentException or OperationCanceledException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
