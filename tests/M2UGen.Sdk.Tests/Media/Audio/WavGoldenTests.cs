using System.Text.Json;
using M2UGen.Testing;

namespace M2UGen.Sdk.Tests.Media.Audio;

public sealed class WavGoldenTests
{
    private static readonly string Folder = Repository.Golden("media-audio");
    private static readonly JsonElement Case = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "case.json"))).RootElement;
    private static readonly GoldenTensors Expected = new(Path.Combine(Folder, "expected.safetensors"));

    public static TheoryData<string> Readable => [.. Case.GetProperty("files").EnumerateObject().Select(f => f.Name).Where(n => n.EndsWith(".wav", StringComparison.Ordinal))];

    public static TheoryData<string> Refused => [.. Case.GetProperty("refuse").EnumerateObject().Where(f => f.Value.GetProperty("verdict").GetString() == "refuse").Select(f => f.Name)];

    [Theory]
    [MemberData(nameof(Readable))]
    public async Task LoadAsync_KnownFile_GivesItsSamples(string name)
    {
        JsonElement facts = Case.GetProperty("files").GetProperty(name);
        AudioClip clip = await AudioClip.LoadAsync(Path.Combine(Folder, name));
        Assert.Equal(facts.GetProperty("rate").GetInt32(), clip.SampleRate);
        Assert.Equal(facts.GetProperty("channels").GetInt32(), clip.Channels);
        Assert.Equal(facts.GetProperty("frames").GetInt32(), clip.SampleCount);
        Near.Equal(Expected.Float(name), Planes(clip), facts.GetProperty("tolerance").GetDouble(), name);
    }

    [Theory]
    [MemberData(nameof(Readable))]
    public async Task LoadAsync_StreamThatCannotSeek_GivesTheSame(string name)
    {
        AudioClip fromFile = await AudioClip.LoadAsync(Path.Combine(Folder, name));
        await using PipeLikeStream pipe = new(await File.ReadAllBytesAsync(Path.Combine(Folder, name)));
        AudioClip fromPipe = await AudioClip.LoadAsync(pipe);
        Assert.Equal(fromFile.SampleRate, fromPipe.SampleRate);
        Assert.Equal(fromFile.Samples.ToArray(), fromPipe.Samples.ToArray());
    }

    [Theory]
    [MemberData(nameof(Readable))]
    public async Task ResampleThenToMono_KnownFile_GivesTheEncoderInput(string name)
    {
        if (Expected.Has(name + ".mono24k"))
        {
            AudioClip clip = await AudioClip.LoadAsync(Path.Combine(Folder, name));
            Near.Equal(Expected.Float(name + ".mono24k"), clip.Resample(24000).ToMono().Samples.Span, 2e-6, name);
        }
        else
        {
            Assert.Equal(0, Case.GetProperty("files").GetProperty(name).GetProperty("frames").GetInt32());
        }
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task LoadAsync_HostileFile_IsRefusedByName(string name)
    {
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(Path.Combine(Folder, name)));
        Assert.EndsWith(name, error.Path, StringComparison.Ordinal);
        await using PipeLikeStream pipe = new(await File.ReadAllBytesAsync(Path.Combine(Folder, name)));
        await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(pipe));
    }

    [Fact]
    public async Task LoadAsync_UnknownTag_NamesIt()
    {
        MediaFormatException error = await Assert.ThrowsAsync<MediaFormatException>(() => AudioClip.LoadAsync(Path.Combine(Folder, "h_mp3_in_wav.wav")));
        Assert.Contains("0x0055 (MP3)", error.Message, StringComparison.Ordinal);
    }

    private static float[] Planes(AudioClip clip)
    {
        float[] planes = new float[clip.Samples.Length];
        for (int i = 0; i < planes.Length; i++)
        {
            planes[(i % clip.Channels * clip.SampleCount) + (i / clip.Channels)] = clip.Samples.Span[i];
        }

        return planes;
    }
}
