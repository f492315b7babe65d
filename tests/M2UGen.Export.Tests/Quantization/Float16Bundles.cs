using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Quantization;

/// <summary>Every family's tiny model, exported in float32 and in float16 when first asked for.</summary>
public sealed class Float16Bundles : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, ModelBundle> bundles = [];

    /// <summary>The bundle of <paramref name="model"/> (<c>m2ugen</c>, <c>melody</c>, <c>stereo</c>, <c>audioldm2</c>) in a precision.</summary>
    internal ModelBundle Get(string model, string precision)
    {
        string name = $"{model}-{precision}";
        if (!bundles.TryGetValue(name, out ModelBundle? bundle))
        {
            ExportOptions options = Source(model) with { OutputPath = folder.File(name), Precision = PrecisionPolicy.Parse(precision) };
            bundle = ModelBundle.OpenChecked(Exporter.ExportAsync(options).GetAwaiter().GetResult().BundlePath);
            bundles.Add(name, bundle);
        }

        return bundle;
    }

    public void Dispose() => folder.Dispose();

    private ExportOptions Source(string model)
    {
        string senses = Repository.Golden("m2ugen-base");
        return model switch
        {
            "m2ugen" => new ExportOptions
            {
                OutputPath = "",
                Model = Path.Combine(Repository.Golden("m2ugen-musicgen"), "checkpoint.pth"),
                LlamaDirectory = Path.Combine(senses, "llama"),
                MusicDecoderPath = Path.Combine(senses, "musicgen"),
                MertPath = Path.Combine(senses, "mert"),
                VitPath = Path.Combine(senses, "vit"),
                VivitPath = Path.Combine(senses, "vivit"),
            },
            "audioldm2" => new ExportOptions { OutputPath = "", Source = AudioLdm2() },
            _ => new ExportOptions { OutputPath = "", Source = Path.Combine(Repository.Golden($"musicgen-{model}"), "model") },
        };
    }

    private string AudioLdm2()
    {
        string path = folder.File("reduced-audioldm2");
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path);
            ReducedAudioLdm2.Write(path, seed: 3);
        }

        return path;
    }
}
