using System.Diagnostics;
using System.Globalization;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Media.Video;

/// <summary>Films, through ffprobe and ffmpeg. Frame n of a counting film is a grey of level 4n, so that every frame tells its number.</summary>
public sealed class VideoClipTests : IDisposable
{
    private const int Width = 32;
    private const int Height = 16;
    private const int Step = 4;
    private readonly MadeMedia _media = new();

    public void Dispose() => _media.Dispose();

    [FFmpegTheory]
    [InlineData("x.mp4", "-c:v libx264 -qp 1 -bf 3 -g 7")]
    [InlineData("x.mkv", "-c:v libx264 -qp 1 -bf 2")]
    [InlineData("x.mov", "-c:v mpeg4 -q:v 1 -bf 2")]
    [InlineData("x.avi", "-c:v mpeg4 -q:v 1 -bf 2")]
    [InlineData("x.avi", "-c:v mjpeg -q:v 1")]
    [InlineData("x.ts", "-c:v mpeg2video -q:v 1 -bf 2")]
    [InlineData("x.mpg", "-c:v mpeg1video -q:v 1")]
    [InlineData("x.webm", "-c:v libvpx -b:v 1M -auto-alt-ref 1 -lag-in-frames 16")]
    [InlineData("x.webm", "-c:v libvpx-vp9 -b:v 1M -auto-alt-ref 1 -lag-in-frames 16")]
    [InlineData("x.mkv", "-c:v ffv1")]
    [InlineData("x.h264", "-c:v libx264 -qp 1 -bf 0")]
    public async Task Film_OfAnyCodec_HasTheFramesThatDecodingGives(string name, string codec)
    {
        VideoClip clip = await VideoClip.OpenAsync(Counting(name, 40, codec));
        Assert.Equal((40, Width, Height, false), (clip.FrameCount, clip.Width, clip.Height, clip.HasAudio));
        if (name != "x.mpg")
        {
            // A program stream's length is guessed from its bit rate.
            Assert.InRange(clip.Duration.TotalSeconds, 1.55, 1.65);
        }

        Assert.Equal(40, clip.Facts!.FrameTimes.Count);

        int[] indices = [7, 39, 0, 7, 8, 21];
        IReadOnlyList<ImageFrame> frames = await clip.ReadFramesAsync(indices, applyRotation: true, CancellationToken.None);
        Assert.Equal(indices, frames.Select(NumberOf));
        Assert.All(frames, f => Assert.Equal((Width, Height), (f.Width, f.Height)));
    }

    [FFmpegFact]
    public async Task FrameCount_FilmWithAnEditList_LeavesOutWhatIsNotShown()
    {
        Counting("whole.mp4", 40, "-c:v libx264 -qp 1 -bf 2 -g 40");
        VideoClip clip = await VideoClip.OpenAsync(_media.Make("-ss", "0.5", "-i", "whole.mp4", "-c", "copy", "cut.mp4"));
        Assert.True(clip.FrameCount < clip.HeaderFrameCount, "The film was not cut as expected.");
        IReadOnlyList<ImageFrame> frames = await clip.ReadFramesAsync([0, clip.FrameCount - 1], applyRotation: true, CancellationToken.None);
        Assert.Equal([40 - clip.FrameCount, 39], frames.Select(NumberOf));
    }

    [FFmpegFact]
    public async Task HeaderFrameCount_IsZeroWhereTheContainerCountsNone()
    {
        Assert.Equal(5, (await VideoClip.OpenAsync(Counting("x.mp4", 5, "-c:v libx264"))).HeaderFrameCount);
        Assert.Equal(0, (await VideoClip.OpenAsync(Counting("x.mkv", 5, "-c:v libx264"))).HeaderFrameCount);
    }

    [FFmpegFact]
    public async Task ReadFrames_ManyScatteredFrames_AreReadInOnePass()
    {
        string film = _media.Make("-f", "lavfi", "-i", "testsrc=d=30:s=32x16:r=25", "-c:v", "ffv1", "x.mkv");
        VideoClip clip = await VideoClip.OpenAsync(film);
        Assert.Equal(750, clip.FrameCount);
        IReadOnlyList<ImageFrame> all = await clip.ReadFramesAsync([.. Enumerable.Range(0, 750)], applyRotation: true, CancellationToken.None);
        int[] odd = [.. Enumerable.Range(0, 375).Select(i => (2 * i) + 1)];
        IReadOnlyList<ImageFrame> some = await clip.ReadFramesAsync(odd, applyRotation: true, CancellationToken.None);
        Assert.All(odd.Zip(some), pair => Assert.True(pair.Second.Rgb.Span.SequenceEqual(all[pair.First].Rgb.Span)));
    }

    [FFmpegTheory]
    [InlineData(90, 8)]
    [InlineData(180, 3)]
    [InlineData(270, 6)]
    public async Task Rotation_IsAppliedAsFFmpegDoesItUnlessRefused(int degrees, int orientation)
    {
        _media.Make("-f", "lavfi", "-i", "testsrc=d=0.2:s=48x32:r=10", "-c:v", "libx264", "-qp", "0", "flat.mp4");
        string film = _media.Make("-i", "flat.mp4", "-c", "copy", "-metadata:s:v:0", string.Create(CultureInfo.InvariantCulture, $"rotate={degrees}"), "x.mp4");
        VideoClip clip = await VideoClip.OpenAsync(film);
        Assert.True(clip.Facts!.Orientation is 3 or 6 or 8, "The film was not turned as expected.");
        Assert.Equal(orientation == 3, clip.Facts.Orientation == 3);
        Assert.Equal(orientation == 3 ? (48, 32) : (32, 48), (clip.Width, clip.Height));

        ImageFrame upright = (await clip.ReadFramesAsync([0], applyRotation: true, CancellationToken.None))[0];
        byte[] expected = await File.ReadAllBytesAsync(_media.Make("-i", "x.mp4", "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "upright.rgb"));
        Assert.Equal((clip.Width, clip.Height), (upright.Width, upright.Height));

        // Turning before or behind the conversion to RGB differs by the chroma's interpolation.
        Assert.InRange(expected.Zip(upright.Rgb.ToArray(), (e, a) => Math.Abs(e - a)).Average(), 0, 2);

        ImageFrame stored = (await clip.ReadFramesAsync([0], applyRotation: false, CancellationToken.None))[0];
        Assert.Equal((48, 32), (stored.Width, stored.Height));
    }

    [FFmpegFact]
    public async Task Duration_LongerSound_Counts()
    {
        string film = _media.Make("-f", "lavfi", "-i", "testsrc=d=1:s=32x16:r=5", "-f", "lavfi", "-i", "sine=d=2.5:r=8000", "-c:v", "libx264", "-c:a", "aac", "x.mp4");
        VideoClip clip = await VideoClip.OpenAsync(film);
        Assert.True(clip.HasAudio);
        Assert.InRange(clip.Duration.TotalSeconds, 2.5, 2.7);
    }

    [FFmpegFact]
    public async Task Film_WhosePicturesChangeSizeMidway_CountsOnAndHasFramesOfOneSize()
    {
        byte[] first = await File.ReadAllBytesAsync(Counting("a.h264", 10, "-c:v libx264 -qp 1 -bf 0"));
        byte[] second = await File.ReadAllBytesAsync(_media.Make("-i", "a.h264", "-vf", "scale=64:48:flags=neighbor,negate", "-c:v", "libx264", "-qp", "1", "-bf", "0", "b.h264"));
        VideoClip clip = await VideoClip.OpenAsync(MediaSource.FromBytes((byte[])[.. first, .. second]));
        Assert.Equal(20, clip.FrameCount);
        IReadOnlyList<ImageFrame> frames = await clip.ReadFramesAsync([2, 8, 14, 19], applyRotation: true, CancellationToken.None);
        Assert.All(frames, f => Assert.Equal((clip.Width, clip.Height), (f.Width, f.Height)));
        int[] levels = [.. frames.Select(f => (int)f.Rgb.Span[f.Rgb.Length / 2])];
        Assert.All(levels.Zip([2 * Step, 8 * Step, 255 - (4 * Step), 255 - (9 * Step)]), pair => Assert.InRange(pair.First, pair.Second - 2, pair.Second + 2));
    }

    [FFmpegFact]
    public async Task Film_CutShort_ShowsWhatIsThere()
    {
        byte[] whole = await File.ReadAllBytesAsync(Counting("x.mkv", 40, "-c:v ffv1"));
        VideoClip clip = await VideoClip.OpenAsync(MediaSource.FromBytes(whole.AsMemory(0, whole.Length / 2)));
        Assert.InRange(clip.FrameCount, 5, 35);
        Assert.Equal(clip.FrameCount - 1, NumberOf((await clip.ReadFramesAsync([clip.FrameCount - 1], applyRotation: true, CancellationToken.None))[0]));
    }

    [FFmpegFact]
    public async Task ReadFrames_PicturesOverwritten_AreRefused()
    {
        byte[] film = await File.ReadAllBytesAsync(Counting("x.mp4", 40, "-c:v libx264"));
        int data = film.AsSpan().IndexOf("mdat"u8);
        int end = film.AsSpan().IndexOf("moov"u8);
        film.AsSpan(data + 4, (end > data ? end - 4 : film.Length) - data - 4).Fill(0xA5);
        VideoClip clip = await VideoClip.OpenAsync(MediaSource.FromBytes(film));
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => clip.ReadFramesAsync([0, 39], applyRotation: true, CancellationToken.None));
        Assert.Contains("no picture could be read", error.Message, StringComparison.Ordinal);
    }

    [FFmpegFact]
    public async Task OpenAsync_WhatIsNoFilm_SaysWhatItIs()
    {
        _media.Make("-f", "lavfi", "-i", "sine=d=0.5:r=8000", "sound.mp3");
        _media.Make("-f", "lavfi", "-i", "color=red:s=32x32:d=1", "-frames:v", "1", "cover.png");
        _media.Make("-i", "sound.mp3", "-i", "cover.png", "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", "cover.mp3");
        await Refused("sound.mp3", "only sound");
        await Refused("cover.mp3", "only a cover picture");
        _media.Write("text.mp4", "Once upon a time, and so on, and so forth.");
        await Refused("text.mp4", "no film could be read");
        _media.Write("list.mp4", $"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{_media.PathOf("sound.mp3")}\n#EXT-X-ENDLIST\n");
        await Refused("list.mp4", "playlists");
        _media.Write("empty.mp4", "");
        await Refused("empty.mp4", "no film could be read");
        await Assert.ThrowsAsync<FileNotFoundException>(() => VideoClip.OpenAsync(_media.PathOf("nowhere.mp4")));

        async Task Refused(string name, string part)
        {
            MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => VideoClip.OpenAsync(_media.PathOf(name)));
            Assert.Equal(_media.PathOf(name), error.Path);
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
        }
    }

    [FFmpegFact]
    public async Task OpenAsync_BeyondALimit_NamesIt()
    {
        MediaSource film = MediaSource.FromFile(Counting("x.mp4", 40, "-c:v libx264"));
        await Refused(new() { MaxPixels = (Width * Height) - 1 }, nameof(MediaOptions.MaxPixels));
        await Refused(new() { MaxFrames = 39 }, nameof(MediaOptions.MaxFrames));
        await Refused(new() { MaxDuration = TimeSpan.FromSeconds(1.5) }, nameof(MediaOptions.MaxDuration));
        await Refused(new() { MaxFileBytes = 100 }, nameof(MediaOptions.MaxFileBytes));
        await Refused(new() { MaxDecodedBytes = (2 * Width * Height * 3) - 1 }, nameof(MediaOptions.MaxDecodedBytes));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => VideoClip.OpenAsync(film, new MediaOptions { MaxFrames = 0 }));

        async Task Refused(MediaOptions options, string name) => Assert.Contains($"MediaOptions.{name}", (await Assert.ThrowsAsync<MediaFormatException>(async () =>
        {
            VideoClip clip = await VideoClip.OpenAsync(film, options);
            await clip.ReadFramesAsync([0, 1, 0], applyRotation: true, CancellationToken.None);
        })).Message, StringComparison.Ordinal);
    }

    [FFmpegFact]
    public async Task ReadFrames_OutOfRange_IsRefused()
    {
        VideoClip clip = await VideoClip.OpenAsync(Counting("x.mp4", 3, "-c:v libx264"));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => clip.ReadFramesAsync([0, 3], applyRotation: true, CancellationToken.None));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => clip.ReadFramesAsync([-1], applyRotation: true, CancellationToken.None));
        Assert.Empty(await clip.ReadFramesAsync([], applyRotation: true, CancellationToken.None));
    }

    [FFmpegFact]
    public async Task ReadFrames_FFmpegBefore51_IsAskedByTheOptionsOldName()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string film = Counting("x.mp4", 10, "-c:v libx264 -qp 1");
        string tools = Directory.CreateDirectory(_media.PathOf("old")).FullName;
        foreach (string name in new[] { "ffmpeg", "ffprobe" })
        {
            string script = _media.Write(Path.Combine("old", name), $"#!/bin/sh\ncase \"$*\" in *fps_mode*) echo \"Unrecognized option 'fps_mode'.\" >&2; exit 1;; esac\nexec {name} \"$@\"\n");
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        VideoClip clip = await VideoClip.OpenAsync(MediaSource.FromFile(film), new MediaOptions { FFmpegPath = tools });
        Assert.Equal([3, 9], (await clip.ReadFramesAsync([3, 9], applyRotation: true, CancellationToken.None)).Select(NumberOf));
    }

    [Fact]
    public async Task FromFrames_IsAFilmOfThem()
    {
        ImageFrame[] frames = [ImageFrame.FromRgb(new byte[12], 2, 2), ImageFrame.FromRgb(new byte[12], 2, 2)];
        VideoClip clip = VideoClip.FromFrames(frames, TimeSpan.FromSeconds(3));
        Assert.Equal((2, 2, 2, 2, TimeSpan.FromSeconds(3), false, null), (clip.Width, clip.Height, clip.FrameCount, clip.HeaderFrameCount, clip.Duration, clip.HasAudio, clip.Source));
        Assert.Same(frames[1], (await clip.ReadFramesAsync([1], applyRotation: true, CancellationToken.None))[0]);
        Assert.Throws<ArgumentException>(() => VideoClip.FromFrames([], TimeSpan.FromSeconds(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => VideoClip.FromFrames(frames, TimeSpan.Zero));
        Assert.Throws<ArgumentException>(() => VideoClip.FromFrames([frames[0], ImageFrame.FromRgb(new byte[6], 2, 1)], TimeSpan.FromSeconds(1)));
    }

    private static int NumberOf(ImageFrame frame) => (int)Math.Round((double)frame.Rgb.Span[((frame.Height / 2 * frame.Width) + (frame.Width / 2)) * 3] / Step);

    /// <summary>Makes a film of 25 frames a second.</summary>
    private string Counting(string name, int count, string codec)
    {
        byte[] grey = new byte[count * Width * Height];
        for (int i = 0; i < grey.Length; i++)
        {
            grey[i] = (byte)(i / (Width * Height) * Step);
        }

        File.WriteAllBytes(_media.PathOf("frames.grey"), grey);
        string pixels = codec.Contains("mjpeg", StringComparison.Ordinal) ? "yuvj420p" : "yuv420p";
        return _media.Make(["-f", "rawvideo", "-pix_fmt", "gray", "-s", "32x16", "-r", "25", "-i", "frames.grey", .. codec.Split(' '), "-pix_fmt", pixels, name]);
    }
}
