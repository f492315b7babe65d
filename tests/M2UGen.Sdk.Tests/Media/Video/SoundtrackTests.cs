using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Media.Video;

/// <summary>A film's pictures with another sound, in a new file.</summary>
public sealed class SoundtrackTests : IDisposable
{
    private readonly MadeMedia _media = new();
    private readonly AudioClip _music = Sine(2, 32000);

    public void Dispose() => _media.Dispose();

    [FFmpegTheory]
    [InlineData("film.mp4", "libx264", "new.mp4")]
    [InlineData("film.mp4", "libx264", "new.mov")]
    [InlineData("film.mp4", "libx264", "it's \"new\".mkv")]
    [InlineData("film.webm", "libvpx-vp9", "new.webm")]
    [InlineData("film.webm", "libvpx-vp9", "NEW.MP4")]
    public async Task SaveWithAudio_CopiesThePicturesAndReplacesTheSound(string name, string codec, string target)
    {
        string film = _media.Make("-f", "lavfi", "-i", "testsrc=d=2:s=64x48:r=10", "-f", "lavfi", "-i", "anoisesrc=d=2:r=48000:a=0.1", "-c:v", codec, "-b:v", "300k", "-shortest", name);
        byte[] before = await File.ReadAllBytesAsync(film);
        VideoClip clip = await VideoClip.OpenAsync(film);
        await clip.SaveWithAudioAsync(_media.PathOf(target), _music);

        VideoClip made = await VideoClip.OpenAsync(_media.PathOf(target));
        Assert.Equal((clip.FrameCount, clip.Width, clip.Height, true), (made.FrameCount, made.Width, made.Height, made.HasAudio));
        Assert.InRange(made.Duration.TotalSeconds, 1.95, 2.1);
        int[] all = [.. Enumerable.Range(0, clip.FrameCount)];
        IReadOnlyList<ImageFrame> expected = await clip.ReadFramesAsync(all, applyRotation: false, CancellationToken.None);
        IReadOnlyList<ImageFrame> actual = await made.ReadFramesAsync(all, applyRotation: false, CancellationToken.None);
        Assert.All(expected.Zip(actual), pair => Assert.True(pair.First.Rgb.Span.SequenceEqual(pair.Second.Rgb.Span)));

        AudioClip sound = await AudioClip.LoadAsync(_media.PathOf(target));
        Assert.Equal(1, sound.Channels);
        float[] heard = sound.Resample(32000).Samples.ToArray();
        Assert.True(Energy(heard, 440) > 20 * Energy(heard, 1200), "The music is not heard in the new film.");
        Assert.Equal(before, await File.ReadAllBytesAsync(film));
        Assert.DoesNotContain(Directory.GetFiles(_media.Folder), f => f.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [FFmpegFact]
    public async Task SaveWithAudio_OverTheFilmItself_IsRefused()
    {
        string film = Film("film.mp4");
        byte[] before = await File.ReadAllBytesAsync(film);
        VideoClip clip = await VideoClip.OpenAsync(film);
        string otherWay = Path.Combine(_media.Folder, "sub", "..", "film.mp4");
        await Assert.ThrowsAsync<ArgumentException>(() => clip.SaveWithAudioAsync(film, _music));
        await Assert.ThrowsAsync<ArgumentException>(() => clip.SaveWithAudioAsync(otherWay, _music));
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateSymbolicLink(_media.PathOf("link"), _media.Folder);
            await Assert.ThrowsAsync<ArgumentException>(() => clip.SaveWithAudioAsync(_media.PathOf("link/film.mp4"), _music));
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(film));
        Assert.DoesNotContain(Directory.GetFiles(_media.Folder), f => f.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [FFmpegFact]
    public async Task SaveWithAudio_AnotherFileOfTheName_IsReplacedOnlyBySomethingWhole()
    {
        VideoClip clip = await VideoClip.OpenAsync(MediaSource.FromBytes(await File.ReadAllBytesAsync(Film("film.mp4"))));
        string target = _media.Write("new.mp4", "old contents");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => clip.SaveWithAudioAsync(target, _music, new CancellationToken(canceled: true)));
        Assert.Equal("old contents", await File.ReadAllTextAsync(target));
        await clip.SaveWithAudioAsync(target, _music);
        Assert.True((await VideoClip.OpenAsync(target)).HasAudio);
        Assert.DoesNotContain(Directory.GetFiles(_media.Folder), f => f.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [FFmpegFact]
    public async Task SaveWithAudio_WhatCannotBe_IsSaidBeforeAnyWork()
    {
        VideoClip clip = await VideoClip.OpenAsync(Film("film.mp4"));
        Assert.Contains(".mp4", (await Assert.ThrowsAsync<ArgumentException>(() => clip.SaveWithAudioAsync(_media.PathOf("new.wav"), _music))).Message, StringComparison.Ordinal);
        Assert.Contains("WebM holds", (await Assert.ThrowsAsync<ArgumentException>(() => clip.SaveWithAudioAsync(_media.PathOf("new.webm"), _music))).Message, StringComparison.Ordinal);
        Assert.Contains("empty", (await Assert.ThrowsAsync<ArgumentException>(() => clip.SaveWithAudioAsync(_media.PathOf("new.mp4"), AudioClip.FromSamples([], 8000)))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(() => clip.SaveWithAudioAsync(_media.PathOf("nowhere/new.mp4"), _music));
        VideoClip frames = VideoClip.FromFrames([ImageFrame.FromRgb(new byte[3], 1, 1)], TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<InvalidOperationException>(() => frames.SaveWithAudioAsync(_media.PathOf("new.mp4"), _music));
    }

    private string Film(string name) => _media.Make("-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=10", "-c:v", "libx264", name);

    private static AudioClip Sine(int seconds, int rate)
    {
        float[] samples = new float[seconds * rate];
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] = (float)(0.5 * Math.Sin(2 * Math.PI * 440 * i / rate));
        }

        return AudioClip.FromSamples(samples, rate);
    }

    /// <summary>How strongly a frequency sounds at 32 kHz.</summary>
    private static double Energy(float[] samples, double frequency)
    {
        System.Numerics.Complex sum = 0;
        for (int i = 0; i < samples.Length; i++)
        {
            sum += samples[i] * System.Numerics.Complex.Exp(new(0, -2 * Math.PI * frequency * i / 32000));
        }

        return sum.Magnitude;
    }
}
