using M2UGen.Sdk;
using M2UGen.Testing;
using M2UGen.TinyModel.Tests.Pipeline;

namespace M2UGen.TinyModel.Tests.Samples;

/// <summary>Every sample program, run on the tiny model with real media files. The film needs ffmpeg.</summary>
public sealed class SampleTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-samples-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task AskAboutASong_DescribesAndAnswers()
    {
        SampleRun run = await RunAsync("AskAboutASong", "", TinyM2UGen.Medium("audio_b.wav"), "What is the mood of this music?");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.EndsWith("> What is the mood of this music?\nIt is tense and energetic.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PictureToMusic_WritesMusicWithItsManifest()
    {
        SampleRun run = await RunAsync("PictureToMusic", "", TinyM2UGen.Medium("image_x.png"), "picture.wav");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.StartsWith("Here is a bright and warm folk song for the image.", run.Output, StringComparison.Ordinal);
        AudioClip music = await AudioClip.LoadAsync(Path.Combine(_folder, "picture.wav"));
        Assert.Equal(TimeSpan.FromSeconds(10), music.Duration);
        Assert.Equal(64, ResultManifest.FromJson(music.Comment!).ImageHash!.Length);
    }

    [FFmpegFact]
    public async Task FilmToSoundtrack_WritesAFilmWithMusicOfItsLength()
    {
        SampleRun run = await RunAsync("FilmToSoundtrack", "", TinyM2UGen.Medium("video_v.mp4"), "film.mp4");
        Assert.Equal((0, ""), (run.Code, run.Error));
        VideoClip before = await VideoClip.OpenAsync(TinyM2UGen.Medium("video_v.mp4"));
        VideoClip after = await VideoClip.OpenAsync(Path.Combine(_folder, "film.mp4"));
        Assert.True(after.HasAudio);
        Assert.Equal(before.FrameCount, after.FrameCount);
        AudioClip music = await AudioClip.LoadAsync(Path.Combine(_folder, "film.mp4"));
        Assert.InRange(music.Duration.TotalSeconds, before.Duration.TotalSeconds - 0.1, before.Duration.TotalSeconds + 0.1);
    }

    [Fact]
    public async Task Chat_TalksPlaysAndHearsWhatItPlayed()
    {
        string input = $"image {TinyM2UGen.Medium("image_y.png")}\nWhat do you see?\n{TinyM2UGen.MusicPrompt}\nDescribe the music in detail.\nundo\n\n";
        SampleRun run = await RunAsync("Chat", input);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.StartsWith("I see a grey pattern.\nHere is a calm jazz piece with piano.\nmusic-2.wav: 10.0 s\n", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("Taken back.", run.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder, "music-2.wav")));
    }

    [Theory]
    [InlineData("AskAboutASong", "no-such-song.wav")]
    [InlineData("PictureToMusic", "no-such.png", "out.wav")]
    [InlineData("FilmToSoundtrack", "no-such.mp4", "out.mp4")]
    public async Task FileThatIsNotThere_IsOneSentence(string sample, params string[] arguments)
    {
        SampleRun run = await RunAsync(sample, "", arguments);
        Assert.Equal(1, run.Code);
        Assert.Contains("no-such", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("AskAboutASong")]
    [InlineData("PictureToMusic")]
    [InlineData("FilmToSoundtrack")]
    [InlineData("Chat", "one", "too many")]
    public async Task WrongUsage_SaysWhatToGive(string sample, params string[] arguments)
    {
        SampleRun run = await SampleRun.OfAsync(sample, _folder, "", arguments);
        Assert.Equal(2, run.Code);
        Assert.StartsWith("Give a bundle", run.Error, StringComparison.Ordinal);
    }

    private Task<SampleRun> RunAsync(string sample, string input, params string[] arguments) => SampleRun.OfAsync(sample, _folder, input, [tiny.BundlePath, .. arguments]);
}
