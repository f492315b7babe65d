using M2UGen.Sdk;
using M2UGen.Sdk.Mini;

// A native program has no folder of an assembly: the bundle lies beside the executable.
string wav = Path.Combine(Path.GetTempPath(), $"m2ugen-aot-{Environment.ProcessId}.wav");
try
{
    await using M2UGenPipeline pipeline = await M2UGenPipeline.FromBundle(MiniModel.BundlePath).LoadAsync();
    MusicOptions options = new() { Duration = TimeSpan.FromSeconds(1), Seed = 7 };
    MusicResult music = await pipeline.Prompt("a slow calm piano waltz").WithMusic(options).GenerateMusicAsync();
    await music.Audio.SaveAsync(wav);
    AudioClip read = await AudioClip.LoadAsync(wav);

    bool right = read.Duration == options.Duration && music.Audio.Samples.Span.ContainsAnyExcept(0f);
    Console.WriteLine($"{(right ? "passed" : "failed")}: {read.Duration.TotalSeconds} s of music, {music.Manifest.ToJson().Length} characters of manifest");
    return right ? 0 : 1;
}
finally
{
    File.Delete(wav);
}
