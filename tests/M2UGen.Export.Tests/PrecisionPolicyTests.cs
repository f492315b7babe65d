using M2UGen.Export.Bundles;
using M2UGen.Export.Graph;
using M2UGen.Sdk;

namespace M2UGen.Export.Tests;

public sealed class PrecisionPolicyTests
{
    [Theory]
    [InlineData("int4", "llama", "layers.3/feed_forward/w1", Precision.Int4)]
    [InlineData("int4", "musicgen-condition", "layers.0/encoder_attn/k_proj", Precision.Int8)]
    [InlineData("int4", "t5", "encoder/block.0/layer.0/SelfAttention/qkv", Precision.Float32)]
    [InlineData("int8,t5=int8", "t5", "encoder/block.0/layer.0/SelfAttention/qkv", Precision.Int8)]
    [InlineData("int4, llama=int8", "llama", "layers.3/feed_forward/w1", Precision.Int8)]
    [InlineData("llama=INT4", "musicgen-decoder", "layers.0/fc1", Precision.Float32)]
    [InlineData("llama/layers.3/*=int8,int4", "llama", "layers.3/feed_forward/w1", Precision.Int8)]
    [InlineData("llama/layers.3/*=int8,int4", "llama", "layers.30/feed_forward/w1", Precision.Int4)]
    [InlineData("llama/layers.*=int8,llama/*w1=fp32", "llama", "layers.3/feed_forward/w1", Precision.Float32)]
    [InlineData("int4", "prefix-image", "adapter/f1_1", Precision.Int8)]
    [InlineData("int4,prefix-*=float32", "prefix-image", "adapter/f1_1", Precision.Float32)]
    [InlineData("auto", "musicgen-decoder", "layers.0/fc1", Precision.Int8)]
    [InlineData("auto,musicgen-decoder=int4", "musicgen-decoder", "layers.0/fc1", Precision.Int4)]
    public void Of_Layer_TakesTheNearestRule(string text, string component, string layer, Precision expected)
        => Assert.Equal(expected, PrecisionPolicy.Parse(text).Of(component, layer, MatrixRole.Layer, isLarge: false, out _));

    [Theory]
    [InlineData("float16", "vocoder", "Layer", Precision.Float16, true)]
    [InlineData("float16", "llama", "Head", Precision.Float32, true)]
    [InlineData("float16", "llama", "Table", Precision.Float16, true)]
    [InlineData("float16,t5=float32", "t5", "Layer", Precision.Float32, false)]
    [InlineData("float16,llama=int4", "llama", "Layer", Precision.Int4, true)]
    [InlineData("float16,llama=int4", "llama", "Head", Precision.Int8, true)]
    [InlineData("llama=float16,llama=int4", "llama", "Layer", Precision.Int4, true)]
    [InlineData("int4,unet*=float16", "unet-time", "Layer", Precision.Float16, true)]
    [InlineData("int4,unet*=float16", "llama", "Layer", Precision.Int4, false)]
    [InlineData("llama/output=float16", "llama", "Layer", Precision.Float32, false)]
    public void Of_Float16_IsOfTheMatrixAndOfWhatPassesBetweenNodes(string text, string component, string role, Precision expected, bool hasElements)
    {
        PrecisionPolicy policy = PrecisionPolicy.Parse(text);
        Assert.Equal(expected, policy.Of(component, "layers.0/fc1", Enum.Parse<MatrixRole>(role), isLarge: false, out _));
        Assert.Equal(hasElements, policy.HasFloat16Elements(component, out _));
    }

    [Theory]
    [InlineData("auto", "llama", true, Precision.Int4)]
    [InlineData("auto,llama=int8", "llama", true, Precision.Int8)]
    [InlineData("auto", "musicgen-decoder", true, Precision.Int4)]
    [InlineData("auto", "musicgen-decoder", false, Precision.Int8)]
    [InlineData("auto", "prefix-audio", true, Precision.Int8)]
    [InlineData("auto", "t5", true, Precision.Float32)]
    [InlineData("int8", "llama", true, Precision.Int8)]
    public void Of_Auto_GoesByTheSize(string text, string component, bool isLarge, Precision expected)
        => Assert.Equal(expected, PrecisionPolicy.Parse(text).Of(component, "layers.0/fc1", MatrixRole.Layer, isLarge, out _));

    [Theory]
    [InlineData("int5", "int5")]
    [InlineData("", "names no precision")]
    [InlineData("int4,int8", "two precisions")]
    [InlineData("llama=", "llama=")]
    [InlineData("=int4", "names no component")]
    [InlineData("llama/=int4", "names no component")]
    [InlineData("llama=int4=int8", "llama=int4=int8")]
    [InlineData("1", "names no precision")]
    public void Parse_Nonsense_QuotesIt(string text, string quoted)
        => Assert.Contains(quoted, Assert.ThrowsAny<ArgumentException>(() => PrecisionPolicy.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void CheckRules_NoLanguageModel_SaysThatNothingWouldBeQuantised()
    {
        GraphOptions options = new() { Precision = PrecisionPolicy.Parse("int4") };
        GraphBuilder unet = new("unet", options);
        Assert.Equal(Precision.Float32, unet.ChoosePrecision("/mid_block/to_q", MatrixRole.Layer));
        ExportException error = Assert.Throws<ExportException>(() => StoredPrecision.CheckRules(options, [new BundlePart("unet", unet, [])]));
        Assert.Contains("'unet=int4'", error.Message, StringComparison.Ordinal);

        options = new GraphOptions { Precision = PrecisionPolicy.Parse("unet=int8") };
        unet = new GraphBuilder("unet", options);
        Assert.Equal(Precision.Int8, unet.ChoosePrecision("/mid_block/to_q", MatrixRole.Layer));
        StoredPrecision.CheckRules(options, [new BundlePart("unet", unet, [])]);
        Assert.Equal("int8", StoredPrecision.Of(unet));
    }

    [Fact]
    public void Check_WhatIsNotWritten_IsRefused()
    {
        Assert.Contains("32, 64 or 128", Assert.Throws<ArgumentException>((PrecisionPolicy.Float32 with { BlockSize = 16 }).Check).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>((PrecisionPolicy.Float32 with { Default = (Precision)9 }).Check);
        PrecisionPolicy.Parse("float16,llama/tok_embeddings=float16").Check();
    }
}
