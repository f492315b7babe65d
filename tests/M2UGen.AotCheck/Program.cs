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

    // Not WAV, so through ffmpeg: 24-bit AIFF of one channel, whose three samples are 1/8, -1/2 and 2^-23.
    byte[] aiff =
    [
        .. "FORM"u8, 0, 0, 0, 56, .. "AIFFCOMM"u8, 0, 0, 0, 18, 0, 1, 0, 0, 0, 3, 0, 24, 0x40, 0x0B, 0xFA, 0, 0, 0, 0, 0, 0, 0,
        .. "SSND"u8, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0xC0, 0, 0, 0, 0, 1, 0,
    ];
    AudioClip decoded = await AudioClip.LoadAsync(MediaSource.FromBytes(aiff));

    // One red pixel, through the native picture decoder.
    byte[] png = Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC");
    ImageFrame red = await ImageFrame.LoadAsync(MediaSource.FromBytes(png));

    bool right = read.Duration == options.Duration && music.Audio.Samples.Span.ContainsAnyExcept(0f)
        && decoded.SampleRate == 8000 && decoded.Samples.Span.SequenceEqual([0.125f, -0.5f, 1f / (1 << 23)])
        && red.Rgb.Span.SequenceEqual<byte>([255, 0, 0]);
    Console.WriteLine($"{(right ? "passed" : "failed")}: {read.Duration.TotalSeconds} s of music, {music.Manifest.ToJson().Length} characters of manifest");
    return right ? 0 : 1;
}
finally
{
    File.Delete(wav);
}
