using System.Text.Json.Nodes;
using M2UGen.Sdk.Encoders.Mert;
using M2UGen.Sdk.Encoders.Vit;
using M2UGen.Sdk.Encoders.Vivit;

namespace M2UGen.Sdk.Tests.Encoders;

/// <summary>What stands between media and the encoders' graphs: normalised sound, normalised pixels, sizes and crops.</summary>
public sealed class EncoderPreprocessorTests
{
    private static JsonObject Vivit(string sizes) =>
        JsonNode.Parse($$"""{{{sizes}},"rescale_factor":0.00784313725490196,"offset":true,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}""")!.AsObject();

    [Fact]
    public void Mert_Normalizes_ByThePopulationVariance()
    {
        MertPreprocessor preprocessor = MertPreprocessor.From(new JsonObject { ["sampling_rate"] = 24000, ["do_normalize"] = true }, "bundle");
        float[] values = new float[4];

        preprocessor.Prepare([1, 2, 3, 6], values);

        // Mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5.
        float[] expected = [-1.0690449f, -0.53452247f, 0, 1.6035674f];
        Assert.Equal(24000, preprocessor.SampleRate);
        Assert.All(expected.Zip(values), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    [Fact]
    public void Mert_SilenceOrRaw_StaysAsItIs()
    {
        float[] values = [9, 9];
        new MertPreprocessor(24000, Normalizes: true).Prepare([0, 0], values);
        Assert.Equal([0, 0], values);
        new MertPreprocessor(24000, Normalizes: false).Prepare([5, 7], values);
        Assert.Equal([5, 7], values);
    }

    [Fact]
    public void Vit_Pixels_BecomePlanesOfNormalizedNumbers()
    {
        VitPreprocessor preprocessor = VitPreprocessor.From(JsonNode.Parse("""{"height":1,"width":2,"image_mean":[0.5,0,0.25],"image_std":[0.5,1,0.5]}""")!.AsObject(), "bundle");
        float[] values = new float[6];

        preprocessor.Prepare([0, 51, 255, 255, 102, 0], values);

        Assert.All(((float[])[-1, 1, 0.2f, 0.4f, 1.5f, -0.5f]).Zip(values), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
        Assert.Throws<ArgumentException>(() => preprocessor.Prepare(new byte[9], new float[9]));
    }

    [Theory]
    [InlineData(48, 72, 224, 336)]
    [InlineData(72, 48, 336, 224)]
    [InlineData(480, 853, 224, 398)]
    [InlineData(100, 100, 224, 224)]
    public void Vivit_ShortestEdge_KeepsTheShape(int height, int width, int newHeight, int newWidth)
    {
        VivitPreprocessor preprocessor = VivitPreprocessor.From(Vivit("\"shortest_edge\":224,\"crop_height\":224,\"crop_width\":224"), "bundle");
        Assert.Equal((newHeight, newWidth), preprocessor.ResizedSize(height, width));
    }

    [Fact]
    public void Vivit_Frame_IsCutInTheMiddleAndShifted()
    {
        VivitPreprocessor preprocessor = VivitPreprocessor.From(Vivit("\"height\":3,\"width\":4,\"crop_height\":1,\"crop_width\":2"), "bundle");
        byte[] frame = new byte[3 * 4 * 3];
        frame[(((1 * 4) + 1) * 3) + 0] = 255;
        frame[(((1 * 4) + 2) * 3) + 2] = 255;
        float[] values = new float[6];

        preprocessor.Prepare(frame, 3, 4, values);

        // 255 / 127.5 - 1 = 1, then (1 - 0.5) / 0.5 = 1; 0 gives (-1 - 0.5) / 0.5 = -3.
        Assert.All(((float[])[1, -3, -3, -3, -3, 1]).Zip(values), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
        Assert.Equal((3, 4), preprocessor.ResizedSize(720, 1280));
    }

    [Theory]
    [InlineData("\"shortest_edge\":4,\"crop_height\":8,\"crop_width\":2", "crop_height")]
    [InlineData("\"shortest_edge\":\"big\",\"crop_height\":2,\"crop_width\":2", "shortest_edge")]
    [InlineData("\"crop_height\":2,\"crop_width\":2", "height")]
    public void Vivit_SectionThatCannotBe_IsRefusedByName(string sizes, string key)
    {
        ModelBundleException exception = Assert.Throws<ModelBundleException>(() => VivitPreprocessor.From(Vivit(sizes), "bundle"));
        Assert.Contains($"\"{key}\" of preprocessing \"vivit\"", exception.Message, StringComparison.Ordinal);
    }
}
