using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Encoders;

/// <summary>A bundle on the disk with the smallest senses, and fakes in the place of its graphs that show what they were given.</summary>
/// <remarks>
/// Three prefix layers of width 2. MERT hears 100 Hz and gives [mean of the samples, their number / 100], or [-1, 0] over its states; ViT and ViViT give [first value, last value];
/// a prefix graph gives its feature back.
/// </remarks>
internal sealed class SensesBundle : IDisposable
{
    public const int SampleRate = 100;
    public const int MinSamples = 5;
    public const int MaxSamplesOfOneFrame = 9;
    public const int Frames = 2;

    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-senses-").FullName;
    private readonly SortedDictionary<string, BundleComponent> _components = new(StringComparer.Ordinal);

    public SensesBundle(params string[] senses)
    {
        Models = new ModelSet(component => new FakeOnnxModel(component, (run, _) => Run(component, run)));
        TensorSpec feature = new("feature", TensorElementKind.Float, ["batch", 2]);
        foreach (string sense in senses)
        {
            TensorSpec input = sense switch
            {
                "mert" => new TensorSpec("input_values", TensorElementKind.Float, ["batch", "samples"]),
                "vit" => new TensorSpec("pixel_values", TensorElementKind.Float, ["batch", 3, 1, 2]),
                "vivit" => new TensorSpec("pixel_values", TensorElementKind.Float, ["batch", Frames, 3, 1, 2]),
                _ => feature with { Dimensions = [1, 2] },
            };
            TensorSpec output = sense.StartsWith("prefix-", StringComparison.Ordinal) ? new TensorSpec("prefix", TensorElementKind.Float, [1, 2]) : feature;
            Add(sense, input, output, sense == "mert" ? new JsonObject { ["min_samples"] = MinSamples, ["max_samples_of_one_frame"] = MaxSamplesOfOneFrame } : []);
        }
    }

    /// <summary>All senses.</summary>
    public static SensesBundle Whole() => new("mert", "prefix-audio", "vit", "prefix-image", "vivit", "prefix-video");

    public ModelSet Models { get; }

    /// <summary>What every run was given, in order: the component and its input's values.</summary>
    public List<(string Component, float[] Values)> Runs { get; } = [];

    public SortedDictionary<string, BundleFile> Indexes { get; } = [];

    public string PathOf(string name) => Path.Combine(_folder, name);

    /// <summary>Replaces a component's contract.</summary>
    public void Add(string component, TensorSpec input, TensorSpec output, JsonObject config)
    {
        File.WriteAllText(PathOf($"{component}.onnx"), "graph");
        _components[component] = new BundleComponent
        {
            Graph = $"{component}.onnx",
            Files = [new BundleFile($"{component}.onnx", 5, new string('0', 64))],
            Precision = "float32",
            Inputs = [input],
            Outputs = [output],
            Config = config,
        };
    }

    /// <summary>Writes a flat index of the given rows of two values.</summary>
    public string WriteIndex(string name, params float[][] rows)
    {
        using (BinaryWriter writer = new(File.Create(PathOf(name))))
        {
            writer.Write("IxFI"u8);
            writer.Write(2);
            writer.Write((long)rows.Length);
            writer.Write(0L);
            writer.Write(0L);
            writer.Write((byte)1);
            writer.Write(0);
            writer.Write(2UL * (ulong)rows.Length);
            foreach (float value in rows.SelectMany(row => row))
            {
                writer.Write(value);
            }
        }

        return PathOf(name);
    }

    public ModelBundle Open()
    {
        float[] prefix = [10, 11, 20, 21, 30, 31];
        File.WriteAllBytes(PathOf("prefix-text.bin"), MemoryMarshal.AsBytes(prefix.AsSpan()).ToArray());
        BundleManifest manifest = new()
        {
            FormatVersion = BundleManifest.CurrentFormatVersion,
            Family = BundleFamily.M2UGen,
            ExporterVersion = "test",
            Components = _components,
            Tensors = new() { ["prefix-text"] = new BundleTensor(new BundleFile("prefix-text.bin", 24, new string('0', 64)), [3, 2]) },
            Indexes = Indexes,
            Preprocessing = JsonNode.Parse($$"""
                {
                  "mert": {"sampling_rate": {{SampleRate}}, "do_normalize": false},
                  "vit": {"height": 1, "width": 2, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]},
                  "vivit": {"height": 1, "width": 2, "crop_height": 1, "crop_width": 2, "rescale_factor": 1, "offset": false, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
                }
                """)!.AsObject(),
        };
        File.WriteAllBytes(PathOf(BundleManifest.FileName), JsonSerializer.SerializeToUtf8Bytes(manifest, BundleJson.Default.BundleManifest));
        return ModelBundle.Open(_folder);
    }

    public void Dispose()
    {
        Models.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Run(string component, FakeModelRun run)
    {
        bool isPrefix = component.StartsWith("prefix-", StringComparison.Ordinal);
        float[] values = run.Input(isPrefix ? "feature" : component == "mert" ? "input_values" : "pixel_values").AsSpan<float>().ToArray();
        Runs.Add((component, values));
        switch (component)
        {
            case "mert":
                run.Allocate("feature", NativeTensor.Of<float>([values.Average(), values.Length / 100f], 1, 2));
                run.Allocate("feature_over_states", NativeTensor.Of<float>([-1, 0], 1, 2));
                break;
            case "vit" or "vivit":
                run.Allocate("feature", NativeTensor.Of<float>([values[0], values[^1]], 1, 2));
                break;
            default:
                run.Allocate("prefix", NativeTensor.Of<float>(values, 1, 2));
                break;
        }
    }
}
