using M2UGen.Export;
using M2UGen.Sdk;
using M2UGen.Sdk.Mini;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Music;

/// <summary>Tiny MusicGen checkpoints, exported once for all tests that share the fixture.</summary>
public sealed class TinyMusic : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("m2ugen-music-").FullName;
    private readonly List<ModelSet> models = [];
    private readonly List<(ModelSet Set, ModelBundle Bundle, MusicGenDecoder Decoder)> opened = [];

    public TinyMusic()
    {
        Stereo = Open("stereo", Path.Combine(Repository.Golden("musicgen-stereo"), "model"));
        Melody = Open("melody", Path.Combine(Repository.Golden("musicgen-melody"), "model"));
        Mono = Open(MiniModel.BundlePath);
    }

    /// <summary>Two channels, 256 positions.</summary>
    internal MusicGenDecoder Stereo { get; }

    /// <summary>A melody model, 256 positions.</summary>
    internal MusicGenDecoder Melody { get; }

    /// <summary>The embedded model.</summary>
    internal MusicGenDecoder Mono { get; }

    internal MusicGenDecoder this[string name] => name switch
    {
        "stereo" => Stereo,
        "melody" => Melody,
        "stereo-int8" or "stereo-int4" => Quantized(name),
        _ => Mono,
    };

    /// <summary>The same graphs with room for several pieces side by side.</summary>
    internal MusicGenDecoder WithBatchSize(MusicGenDecoder decoder, int batchSize)
    {
        (ModelSet set, ModelBundle bundle, _) = opened.First(o => o.Decoder == decoder);
        return MusicGenDecoder.Open(set, bundle, batchSize);
    }

    public void Dispose()
    {
        models.ForEach(set => set.Dispose());
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Greedy music of a length, for tests that compare codes.</summary>
    internal static MusicDecoderRequest Greedy(string caption, TimeSpan duration, double guidance = 3) => new()
    {
        Conditioning = new MusicConditioning { Caption = caption },
        Options = new MusicOptions { Duration = duration, Sample = false, GuidanceScale = guidance },
    };

    /// <summary>The stereo model with matrices, and keys and values, in integers.</summary>
    private MusicGenDecoder Quantized(string name) =>
        Open(name, Path.Combine(Repository.Golden("musicgen-stereo"), "model"), PrecisionPolicy.Parse(name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..]));

    private MusicGenDecoder Open(string name, string checkpoint, PrecisionPolicy? precision = null)
    {
        string bundle = Path.Combine(folder, name);
        ExportOptions options = new() { Source = checkpoint, OutputPath = bundle };
        Exporter.ExportAsync(precision is null ? options : options with { Precision = precision }).GetAwaiter().GetResult();
        return Open(bundle);
    }

    private MusicGenDecoder Open(string folderOfBundle)
    {
        ModelBundle bundle = ModelBundle.Open(folderOfBundle);
        ModelSet set = new(bundle, new RuntimeOptions());
        models.Add(set);
        MusicGenDecoder decoder = MusicGenDecoder.Open(set, bundle);
        opened.Add((set, bundle, decoder));
        return decoder;
    }
}

/// <summary>Keeps what a decoder hands on, and checks that it comes in order.</summary>
internal sealed class RecordingSink : IMusicSink
{
    private readonly List<float> samples = [];

    public float[] Samples => [.. samples];

    public int Chunks { get; private set; }

    public List<StageProgress> Progress { get; } = [];

    /// <summary>Called with every piece of sound and progress.</summary>
    public Action? Touched { get; init; }

    public void Write(AudioChunk chunk)
    {
        Assert.Equal(AudioClip.DurationOf(samples.Count / chunk.Channels, chunk.SampleRate), chunk.Position);
        Assert.NotEqual(0, chunk.Samples.Length);
        samples.AddRange(chunk.Samples.Span);
        Chunks++;
        Touched?.Invoke();
    }

    public void Report(StageProgress progress)
    {
        Progress.Add(progress);
        Touched?.Invoke();
    }
}
