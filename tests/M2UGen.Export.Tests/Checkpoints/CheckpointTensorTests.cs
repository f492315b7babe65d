using System.Buffers.Binary;
using M2UGen.Export.Checkpoints;

namespace M2UGen.Export.Tests.Checkpoints;

public sealed class CheckpointTensorTests
{
    [Theory]
    [InlineData(TensorElementType.Float8E4M3, 0x7E, 448f)]
    [InlineData(TensorElementType.Float8E4M3, 0x01, 0.001953125f)]
    [InlineData(TensorElementType.Float8E4M3, 0xB8, -1f)]
    [InlineData(TensorElementType.Float8E4M3, 0x7F, float.NaN)]
    [InlineData(TensorElementType.Float8E5M2, 0x7B, 57344f)]
    [InlineData(TensorElementType.Float8E5M2, 0x7C, float.PositiveInfinity)]
    [InlineData(TensorElementType.Float8E5M2, 0xBC, -1f)]
    [InlineData(TensorElementType.Float8E8M0, 127, 1f)]
    [InlineData(TensorElementType.Float8E8M0, 255, float.NaN)]
    [InlineData(TensorElementType.Bool, 1, 1f)]
    [InlineData(TensorElementType.UInt8, 200, 200f)]
    [InlineData(TensorElementType.Int8, 200, -56f)]
    public void ToFloat32_OneByteTypes_FollowTheirTable(TensorElementType type, int stored, float expected)
    {
        float[] actual = new float[1];
        ElementConversion.ToFloat32(type, [(byte)stored], actual);
        Assert.Equal(expected, actual[0]);
    }

    [Fact]
    public void ToFloat32_WiderTypes_Widen()
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)(-0.5f));
        Assert.Equal(-0.5f, One(TensorElementType.Float16, bytes));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, 0x3FC0);
        Assert.Equal(1.5f, One(TensorElementType.BFloat16, bytes));
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, 0.1);
        Assert.Equal(0.1f, One(TensorElementType.Float64, bytes));
        BinaryPrimitives.WriteInt64LittleEndian(bytes, -3);
        Assert.Equal(-3f, One(TensorElementType.Int64, bytes));
        Assert.Equal(-3f, One(TensorElementType.Int32, bytes));
        Assert.Equal(-3f, One(TensorElementType.Int16, bytes));
        Assert.Equal(65533f, One(TensorElementType.UInt16, bytes));
        Assert.Equal(4294967293f, One(TensorElementType.UInt32, bytes));
        Assert.Equal(18446744073709551613f, One(TensorElementType.UInt64, bytes));
    }

    [Fact]
    public void ReadFloat32_Range_MustLieInside()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Path.Combine(CheckpointCorpus.Folder, "ok", "views.pth"));
        CheckpointTensor tensor = checkpoint.Tensors["transposed"];

        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.ReadFloat32(-1, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.ReadFloat32(tensor.ElementCount, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.ReadFloat32(1, new float[tensor.ElementCount]));
        Assert.Throws<ArgumentException>(() => tensor.ReadBytes(new byte[1]));
        tensor.ReadFloat32(tensor.ElementCount, []);
    }

    [Fact]
    public void ReadFloat32_Ranges_EqualTheWholeInEveryView()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Path.Combine(CheckpointCorpus.Folder, "ok", "views.pth"));
        foreach (CheckpointTensor tensor in checkpoint.Tensors.Values)
        {
            float[] whole = tensor.ReadFloat32();
            for (int start = 0; start < whole.Length; start++)
            {
                float[] rest = new float[whole.Length - start];
                tensor.ReadFloat32(start, rest);
                Assert.Equal(whole[start..], rest);
            }
        }
    }

    [Fact]
    public void ReadFloat32_Complex_IsRefusedByName()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Path.Combine(CheckpointCorpus.Folder, "either", "complex.pth"));
        CheckpointException e = Assert.Throws<CheckpointException>(() => checkpoint.Tensors["c"].ReadFloat32());
        Assert.Contains("tensor 'c' holds complex numbers", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadFloat32_AfterDispose_Throws()
    {
        Checkpoint checkpoint = Checkpoint.Open(Path.Combine(CheckpointCorpus.Folder, "ok", "plain.pth"));
        CheckpointTensor tensor = checkpoint.Tensors["layer.weight"];
        checkpoint.Dispose();
        checkpoint.Dispose();

        Assert.Throws<ObjectDisposedException>(() => tensor.ReadFloat32());
    }

    private static float One(TensorElementType type, byte[] bytes)
    {
        float[] value = new float[1];
        ElementConversion.ToFloat32(type, bytes, value);
        return value[0];
    }
}
