using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Media.Audio;

/// <summary>Sound that is no WAV, through ffmpeg.</summary>
public sealed class FFmpegAudioTests : IDisposable
{
    private const int Rate = 22050;
    private readonly MadeMedia _media = new();

    public void Dispose() => _media.Dispose();

    [FFmpegTheory]
    [InlineData(WavEncoding.Pcm16, "x.flac", "flac")]
    [InlineData(WavEncoding.Pcm24, "x.flac", "flac")]
    [InlineData(WavEncoding.Pcm16, "x.m4a", "alac")]
    [InlineData(WavEncoding.Pcm16, "x.aiff", "pcm_s16be")]
    [InlineData(WavEncoding.Pcm24, "x.aiff", "pcm_s24be")]
    [InlineData(WavEncoding.Pcm24, "x.wv", "wavpack")]
    [InlineData(WavEncoding.Pcm16, "x.caf", "pcm_s16le")]
    [InlineData(WavEncoding.Float32, "x.w64", "pcm_f32le")]
    public async Task LoadAsync_LosslessFile_GivesExactlyItsSamples(WavEncoding encoding, string name, string codec)
    {
        AudioClip wav = await SaveAsync(Chirp(channels: 2), encoding);
        AudioClip clip = await AudioClip.LoadAsync(_media.Make("-i", "source.wav", "-c:a", codec, name));
        Assert.Equal((Rate, 2), (clip.SampleRate, clip.Channels));
        Assert.Equal(wav.Samples.ToArray(), clip.Samples.ToArray());
        Assert.Null(clip.Comment);
    }

    [FFmpegTheory]
    [InlineData("x.mp3", "libmp3lame", Rate)]
    [InlineData("x.ogg", "libvorbis", Rate)]
    [InlineData("x.opus", "libopus", 48000)]
    [InlineData("x.m4a", "aac", Rate)]
    public async Task LoadAsync_LossyFile_BeginsWhereTheSourceBegan(string name, string codec, int rate)
    {
        AudioClip source = await SaveAsync(Chirp(channels: 1), WavEncoding.Pcm16);
        AudioClip clip = await AudioClip.LoadAsync(_media.Make("-i", "source.wav", "-c:a", codec, "-b:a", "48k", name));
        Assert.Equal((rate, 1), (clip.SampleRate, clip.Channels));

        // Some containers do not say how much of the last block is padding.
        float[] wanted = source.Resample(rate).Samples.ToArray();
        Assert.InRange(clip.SampleCount, wanted.Length - 1, wanted.Length + 2048);
        double aligned = Correlation(wanted, clip.Samples.Span, 0);
        Assert.InRange(aligned, 0.9, 1.0001);
        Assert.True(aligned > Correlation(wanted, clip.Samples.Span, 1) && aligned > Correlation(wanted, clip.Samples.Span, -1), "The sound is shifted.");
    }

    [FFmpegTheory]
    [InlineData("x.mp4")]
    [InlineData("x.mkv")]
    [InlineData("x.avi")]
    public async Task LoadAsync_Film_GivesItsSound(string name)
    {
        AudioClip source = await SaveAsync(Chirp(channels: 2), WavEncoding.Pcm16);
        AudioClip clip = await AudioClip.LoadAsync(_media.Make("-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=5", "-i", "source.wav", "-c:v", "mpeg4", "-c:a", name == "x.mp4" ? "alac" : "pcm_s16le", name));
        Assert.Equal(source.Samples.ToArray(), clip.Samples.ToArray());
    }

    [FFmpegFact]
    public async Task LoadAsync_FilmWithoutSound_SaysSo()
    {
        string film = _media.Make("-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=5", "-c:v", "mpeg4", "silent.mp4");
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(film));
        Assert.Equal(film, error.Path);
        Assert.Contains("no sound in it", error.Message, StringComparison.Ordinal);
    }

    [FFmpegFact]
    public async Task LoadAsync_BytesAndStreams_GiveTheSameAsTheFile()
    {
        AudioClip source = await SaveAsync(Chirp(channels: 1), WavEncoding.Pcm16);
        string path = _media.Make("-i", "source.wav", "x.flac");
        byte[] bytes = await File.ReadAllBytesAsync(path);

        await Same(AudioClip.LoadAsync(MediaSource.FromBytes(bytes)));
        await Same(AudioClip.LoadAsync(new PipeLikeStream(bytes)));
        await Same(AudioClip.LoadAsync(new MemoryStream([1, 2, 3, .. bytes]) { Position = 3 }));
        MediaSource stream = MediaSource.FromStream(new PipeLikeStream(bytes));
        await Same(AudioClip.LoadAsync(stream));
        await Same(AudioClip.LoadAsync(stream));

        async Task Same(Task<AudioClip> clip) => Assert.Equal(source.Samples.ToArray(), (await clip).Samples.ToArray());
    }

    [FFmpegTheory]
    [InlineData("-i.mp3")]
    [InlineData("two words.mp3")]
    [InlineData("a\"b.mp3")]
    [InlineData("a\\\"b.mp3")]
    [InlineData("back\\slash\\.mp3")]
    [InlineData("it's %03d.mp3")]
    [InlineData("colon:and|pipe.mp3")]
    [InlineData("Größe 音楽 🎵.mp3")]
    [InlineData("line\nbreak.mp3")]
    [InlineData("ends with a backslash\\")]
    public async Task LoadAsync_AnyFileName_IsReadAsThatFile(string name)
    {
        if (OperatingSystem.IsWindows() && name.AsSpan().IndexOfAny("\"\\:|\n") >= 0)
        {
            return;
        }

        File.Move(_media.Make("-f", "lavfi", "-i", "sine=d=0.1:r=8000", "-f", "flac", "plain"), _media.PathOf(name));
        Assert.Equal(800, (await AudioClip.LoadAsync(_media.PathOf(name))).SampleCount);

        string relative = Path.GetRelativePath(Environment.CurrentDirectory, _media.PathOf(name));
        Assert.Equal(800, (await AudioClip.LoadAsync(relative)).SampleCount);
    }

    public static TheoryData<string> Playlists =>
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{0}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{0}'\n",
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet><Representation id=\"1\" bandwidth=\"1\"><BaseURL>file:{0}</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n",
    ];

    [FFmpegTheory]
    [MemberData(nameof(Playlists))]
    public async Task LoadAsync_ListOfOtherFiles_IsRefusedWhateverItsName(string text)
    {
        string secret = _media.Make("-f", "lavfi", "-i", "sine=d=0.1:r=8000", "secret.mp3");
        foreach (string name in new[] { "song.mp3", "song.m3u8", "song.ffconcat", "song.mpd", "song.sdp" })
        {
            string path = _media.Write(name, string.Format(System.Globalization.CultureInfo.InvariantCulture, text, secret));
            MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(path));
            Assert.Equal(path, error.Path);
        }
    }

    [FFmpegFact]
    public async Task LoadAsync_NoMedia_SaysWhatFFmpegSaysWithoutTheTemporaryFile()
    {
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(MediaSource.FromBytes("Just a text, and a long enough one."u8.ToArray())));
        Assert.Null(error.Path);
        Assert.Contains("Invalid data", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Path.GetTempPath(), error.Message, StringComparison.Ordinal);
    }

    [FFmpegFact]
    public async Task LoadAsync_LongSilenceInASmallFile_StopsAtTheLimit()
    {
        string path = _media.Make("-f", "lavfi", "-i", "anullsrc=r=8000:d=3600", "-t", "3600", "x.flac");
        Assert.InRange(new FileInfo(path).Length, 1, 1 << 20);
        await Refused(new() { MaxDuration = TimeSpan.FromSeconds(2) }, nameof(MediaOptions.MaxDuration));
        await Refused(new() { MaxDecodedBytes = 100_000 }, nameof(MediaOptions.MaxDecodedBytes));
        await Refused(new() { MaxFileBytes = 1000 }, nameof(MediaOptions.MaxFileBytes));

        async Task Refused(MediaOptions options, string name) =>
            Assert.Contains($"MediaOptions.{name}", (await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(path, options))).Message, StringComparison.Ordinal);
    }

    private static AudioClip Chirp(int channels)
    {
        float[] samples = new float[Rate * channels];
        for (int i = 0; i < samples.Length; i++)
        {
            double t = (double)(i / channels) / Rate;
            samples[i] = (float)(0.6 * Math.Sin(2 * Math.PI * (200 + (1500 * t)) * t) * (i % channels == 0 ? 1 : -0.5));
        }

        return AudioClip.FromSamples(samples, Rate, channels);
    }

    private async Task<AudioClip> SaveAsync(AudioClip clip, WavEncoding encoding)
    {
        await clip.SaveAsync(_media.PathOf("source.wav"), new WavOptions { Encoding = encoding });
        return await AudioClip.LoadAsync(_media.PathOf("source.wav"));
    }

    private static double Correlation(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int shift)
    {
        double ab = 0, aa = 0, bb = 0;
        for (int i = 1; i < Math.Min(a.Length, b.Length) - 1; i++)
        {
            (double x, double y) = (a[i], b[i + shift]);
            (ab, aa, bb) = (ab + (x * y), aa + (x * x), bb + (y * y));
        }

        return ab / Math.Sqrt(aa * bb);
    }
}
