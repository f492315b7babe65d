using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Tests.Quantization;

/// <summary>Every graph in float16, loaded and run by ONNX Runtime on the processor (which computes in float32 where it has no kernel for float16) and held against its float32 form.</summary>
public sealed class Float16GraphTests(Float16Bundles bundles) : IClassFixture<Float16Bundles>
{
    // Of the largest value of an output. About three times what was measured; a float16 has 11 bits, 5e-4, and what a graph makes of that grows with its depth.
    [Theory]
    [InlineData("m2ugen", "llama", 0.006)]
    [InlineData("m2ugen", "projector", 0.005)]
    [InlineData("m2ugen", "prefix-audio", 0.002)]
    [InlineData("m2ugen", "prefix-image", 0.002)]
    [InlineData("m2ugen", "prefix-video", 0.002)]
    [InlineData("m2ugen", "mert", 0.03)]
    [InlineData("m2ugen", "vit", 0.002)]
    [InlineData("m2ugen", "vivit", 0.002)]
    [InlineData("m2ugen", "t5", 0.005)]
    [InlineData("m2ugen", "musicgen-condition", 0.002)]
    [InlineData("m2ugen", "musicgen-decoder", 0.003)]
    [InlineData("m2ugen", "encodec-decoder", 0.004)]
    [InlineData("melody", "t5", 0.005)]
    [InlineData("melody", "musicgen-condition", 0.002)]
    [InlineData("melody", "musicgen-decoder", 0.003)]
    [InlineData("melody", "encodec-decoder", 0.004)]
    [InlineData("stereo", "musicgen-condition", 0.002)]
    [InlineData("stereo", "musicgen-decoder", 0.003)]
    [InlineData("audioldm2", "clap-text", 0.002)]
    [InlineData("audioldm2", "clap-audio", 0.003)]
    [InlineData("audioldm2", "t5", 0.005)]
    [InlineData("audioldm2", "projection", 0.002)]
    [InlineData("audioldm2", "gpt2", 0.003)]
    [InlineData("audioldm2", "unet-condition", 0.002)]
    [InlineData("audioldm2", "unet-time", 0.002)]
    [InlineData("audioldm2", "unet", 0.01)]
    [InlineData("audioldm2", "vae-decoder", 0.005)]
    [InlineData("audioldm2", "vocoder", 0.005)]
    public void Run_Float16_IsNearFloat32(string model, string component, double tolerance)
    {
        SortedDictionary<string, float[]> exact = ComponentProbe.Run(bundles.Get(model, "float32"), component);
        SortedDictionary<string, float[]> half = ComponentProbe.Run(bundles.Get(model, "float16"), component);

        double worst = 0;
        foreach ((string output, float[] expected) in exact)
        {
            float[] actual = half[output];
            Assert.Equal(expected.Length, actual.Length);
            float largest = expected.Max(Math.Abs);
            double error = expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max() / Math.Max(largest, float.Epsilon);
            Assert.True(error <= tolerance, $"{output}: {error:0.#####} of the largest value, {largest}; allowed {tolerance}");
            worst = Math.Max(worst, error);
        }

        Assert.True(worst > 0, "Nothing was rounded: the graph is not in float16.");
    }

    [Theory]
    [InlineData("m2ugen")]
    [InlineData("melody")]
    public void Run_CodesOfTheCodec_AreMostlyTheSame(string model)
    {
        float[] exact = ComponentProbe.Run(bundles.Get(model, "float32"), "encodec-encoder")["codes"];
        float[] half = ComponentProbe.Run(bundles.Get(model, "float16"), "encodec-encoder")["codes"];

        // A frame that lies nearly between two codes falls to either, and the codebooks behind it follow.
        double same = exact.Zip(half).Count(pair => pair.First == pair.Second) / (double)exact.Length;
        Assert.InRange(same, 0.8, 1);
    }

    [Theory]
    [InlineData("m2ugen")]
    [InlineData("melody")]
    [InlineData("stereo")]
    [InlineData("audioldm2")]
    public void Export_Float16_BordersAreFloat32ButForCaches(string model)
    {
        foreach ((string name, BundleComponent component) in bundles.Get(model, "float16").Manifest.Components)
        {
            Assert.Equal("float16", component.Precision);
            Assert.Equal("float16", (string?)component.Config["quantization"]!["elements"]);
            Assert.All(component.Inputs.Concat(component.Outputs).Where(spec => spec.Kind is TensorElementKind.Float or TensorElementKind.Float16), spec => Assert.Equal(
                spec.Name.Contains("key_values", StringComparison.Ordinal) || spec.Name.StartsWith("present.", StringComparison.Ordinal) ? TensorElementKind.Float16 : TensorElementKind.Float,
                spec.Kind));
            long exact = bundles.Get(model, "float32").Component(name).Files.Sum(file => file.Size);
            Assert.True(component.Files.Sum(file => file.Size) <= exact * 1.3, $"{name} has grown.");
        }
    }

    [Theory]
    [InlineData("musicgen-decoder=float16", "musicgen-condition", "float32", TensorElementKind.Float16)]
    [InlineData("musicgen-condition=float16", "musicgen-condition", "float16", TensorElementKind.Float)]
    [InlineData("musicgen-decoder=float16", "t5", "float32", null)]
    [InlineData("float16,t5=float32", "t5", "float32", null)]
    public void Export_OneComponent_AgreesWithItsNeighbours(string precision, string component, string stored, object? kind)
    {
        ModelBundle bundle = bundles.Get("m2ugen", precision);
        Assert.Equal(stored, bundle.Component(component).Precision);
        if (kind is not null)
        {
            Assert.Equal((TensorElementKind)kind, bundle.Component(component).Outputs.Single(output => output.Name == "cross_key_values.0.key").Kind);
            Assert.Equal((TensorElementKind)kind, bundle.Component("musicgen-decoder").Inputs.Single(input => input.Name == "cross_key_values.0.key").Kind);
        }

        SortedDictionary<string, float[]> exact = ComponentProbe.Run(bundles.Get("m2ugen", "float32"), component);
        SortedDictionary<string, float[]> mixed = ComponentProbe.Run(bundle, component);
        Assert.All(exact, output => Assert.InRange(output.Value.Zip(mixed[output.Key], (a, b) => Math.Abs(a - b)).Max(), 0, 0.01 * Math.Max(1, output.Value.Max(Math.Abs))));
    }
}
