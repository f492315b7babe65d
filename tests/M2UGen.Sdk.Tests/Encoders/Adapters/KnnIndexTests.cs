using System.Buffers.Binary;
using System.Text;
using M2UGen.Sdk.Encoders.Adapters;

namespace M2UGen.Sdk.Tests.Encoders.Adapters;

public sealed class KnnIndexTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("m2ugen-knn-").FullName;

    // Unit axes, one diagonal, and a twin of row 1.
    private static readonly float[][] Rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6f, 0.8f, 0], [0, 1, 0]];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Search_InnerProduct_ReturnsLargestFirst()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxFI", 0), 3);
        Assert.Equal((KnnMetric.InnerProduct, 3, 5L), (index.Metric, index.Dimension, index.Count));
        KnnNeighbour[] found = index.Search([0, 0.5f, 0.25f], 4);
        Assert.Equal([1L, 4, 3, 2], found.Select(neighbour => neighbour.Id));
        Assert.Equal([0.5f, 0.5f, 0.4f, 0.25f], found.Select(neighbour => neighbour.Score));
    }

    [Fact]
    public void Search_L2_ReturnsSmallestSquaredDistanceFirst()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxF2", 1));
        KnnNeighbour[] found = index.Search([2, 0, 0], 3);
        Assert.Equal([0L, 3, 1], found.Select(neighbour => neighbour.Id));
        Assert.Equal(1f, found[0].Score);
        Assert.Equal(2.6f, found[1].Score, 1e-6f);
        Assert.Equal(5f, found[2].Score);
    }

    [Theory]
    [InlineData((int)KnnMetric.InnerProduct)]
    [InlineData((int)KnnMetric.L2)]
    public void Open_OldGenericType_TakesMetricFromHeader(int metric)
    {
        using KnnIndex index = KnnIndex.Open(Write("IxFl", metric));
        Assert.Equal((KnnMetric)metric, index.Metric);
    }

    [Fact]
    public void Search_MoreThanRows_ReturnsAll()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxFI", 0));
        Assert.Equal(5, index.Search([1, 1, 1], 100).Length);
    }

    [Fact]
    public void Search_RowsOfManyBlocks_FindsTheOneInTheLast()
    {
        // 3000 rows of 40 values are fifteen blocks; the row sought is the last.
        float[][] rows = [.. Enumerable.Range(0, 3000).Select(i => Enumerable.Range(0, 40).Select(j => (float)((((i * 7) + (j * 3)) % 11) - 5)).ToArray())];
        rows[^1] = [.. Enumerable.Repeat(100f, 40)];
        using KnnIndex index = KnnIndex.Open(Write("IxFI", 0, rows));
        Assert.Equal(new KnnNeighbour(2999, 4000), index.Search(Enumerable.Repeat(1f, 40).ToArray(), 1)[0]);
    }

    [Fact]
    public void CopyRow_Middle_ReturnsItsValues()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxFI", 0));
        float[] row = new float[3];
        index.CopyRow(3, row);
        Assert.Equal(Rows[3], row);
        Assert.Throws<ArgumentOutOfRangeException>(() => index.CopyRow(5, row));
    }

    [Theory]
    [InlineData("IxM2", "an ID map")]
    [InlineData("IwFl", "an inverted file")]
    [InlineData("IHNf", "an HNSW graph")]
    [InlineData("ABCD", "'ABCD'")]
    [InlineData("\u0001\u0002\u0003\u0004", "01020304")]
    public void Open_OtherType_IsRefusedByName(string type, string named) => Refused(Bytes(type, 0), named);

    [Theory]
    [InlineData("IxFI", 1, "contradict")]
    [InlineData("IxF2", 0, "contradict")]
    [InlineData("IxFl", 22, "metric 22")]
    public void Open_WrongMetric_IsRefused(string type, int metric, string named) => Refused(Bytes(type, metric), named);

    [Fact]
    public void Open_ImpossibleNumbers_AreRefused()
    {
        Refused([], "0 bytes");
        Refused(Bytes("IxFI", 0)[..30], "45 bytes");
        Refused(Bytes("IxFI", 0)[..^1], "105 bytes, found 104");
        Refused([.. Bytes("IxFI", 0), 0], "105 bytes, found 106");
        Refused(Bytes("IxFI", 0, []), "no row");
        Refused(Changed(bytes => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), 1L << 40)), "claims 15");
        Refused(Changed(bytes => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), -1)), "claims -1 rows");
        Refused(Changed(bytes => BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), -3)), "-3 values");

        // Numbers that agree with each other, whose product leaves 64 bits.
        Refused(
            Changed(bytes =>
            {
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), 1 << 30);
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), 1L << 33);
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(37), 1UL << 63);
            }),
            "36893488147419103277 bytes");

        static byte[] Changed(Action<byte[]> change)
        {
            byte[] bytes = Bytes("IxFI", 0);
            change(bytes);
            return bytes;
        }
    }

    [Fact]
    public void Open_OtherWidth_NamesBoth()
    {
        string path = Write("IxFI", 0);
        string message = Assert.Throws<ModelBundleException>(() => KnnIndex.Open(path, 1024)).Message;
        Assert.Contains("rows of 3 values", message, StringComparison.Ordinal);
        Assert.Contains("1024", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NoFile_IsRefused()
    {
        string path = Path.Combine(_folder, "none.index");
        Assert.Equal(path, Assert.Throws<ModelBundleException>(() => KnnIndex.Open(path)).Path);
    }

    [Fact]
    public void Search_RowThatIsNotFinite_IsNamed()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxFI", 0, [[1, 0], [float.NaN, 0]]));
        Assert.Contains("Row 1", Assert.Throws<ModelBundleException>(() => index.Search([1, 1], 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Search_BadQuery_IsTheCallersMistake()
    {
        KnnIndex index = KnnIndex.Open(Write("IxFI", 0));
        Assert.Throws<ArgumentException>(() => index.Search([1, 1], 1));
        Assert.Throws<ArgumentException>(() => index.Search([1, float.NaN, 1], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => index.Search([1, 1, 1], 0));
        Assert.Throws<OperationCanceledException>(() => index.Search([1, 1, 1], 1, new CancellationToken(canceled: true)));
        index.Dispose();
        Assert.Throws<ObjectDisposedException>(() => index.Search([1, 1, 1], 1));
    }

    [Fact]
    public void Normalize_Vector_HasLengthJustBelowOne()
    {
        float[] feature = KnnMixer.Normalize([3, 4]);
        Assert.Equal(0.6 / (1 + 1e-6), feature[0], 1e-7);
        Assert.Equal(0.8 / (1 + 1e-6), feature[1], 1e-7);
        Assert.Equal([0f, 0f], KnnMixer.Normalize([0, 0]));
    }

    [Fact]
    public void Mix_TwoNeighbours_FollowsTheFormula()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxFI", 0));
        float[] mixed = KnnMixer.Mix([0.6f, 0, 0.8f], index, new KnnOptions { CacheSize = 2, Temperature = 5, Weight = 0.25 });

        // Neighbours are rows 2 (0.8) and 0 (0.6): weights e^4 and e^3, which is 1 to e^-1.
        double norm = Math.Sqrt(1 + Math.Exp(-2));
        double[] sum = [(0.75 * 0.6) + (0.25 * Math.Exp(-1) / norm), 0, (0.75 * 0.8) + (0.25 / norm)];
        double length = Math.Sqrt((sum[0] * sum[0]) + (sum[2] * sum[2]));
        Assert.Equal(sum[0] / length, mixed[0], 1e-6);
        Assert.Equal(0, mixed[1], 1e-6);
        Assert.Equal(sum[2] / length, mixed[2], 1e-6);
    }

    [Fact]
    public void Mix_L2Index_GivesFartherRowsMoreWeight()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxF2", 1, [[1, 0], [0, 1]]));
        float[] mixed = KnnMixer.Mix([1, 0], index, new KnnOptions { CacheSize = 2, Temperature = 20, Weight = 1 });
        Assert.Equal(0, mixed[0], 1e-6);
        Assert.Equal(1, mixed[1], 1e-6);
    }

    [Fact]
    public void Mix_NeighboursThatCancelOut_LeavesTheFeature()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxFI", 0, [[0, 1], [0, -1]]));
        Assert.Equal([1f, 0f], KnnMixer.Mix([1, 0], index, KnnOptions.Default));
    }

    [Fact]
    public void Mix_OptionsOutOfRange_AreRefused()
    {
        using KnnIndex index = KnnIndex.Open(Write("IxFI", 0));
        foreach (KnnOptions options in new KnnOptions[] { new() { CacheSize = 0 }, new() { Temperature = double.NaN }, new() { Weight = 1.5 }, new() { Weight = double.NaN } })
        {
            Assert.ThrowsAny<ArgumentException>(() => KnnMixer.Mix([1, 0, 0], index, options));
        }
    }

    private void Refused(byte[] bytes, string named)
    {
        string path = Path.Combine(_folder, Path.GetRandomFileName());
        File.WriteAllBytes(path, bytes);
        ModelBundleException refused = Assert.Throws<ModelBundleException>(() => KnnIndex.Open(path));
        Assert.Equal(path, refused.Path);
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    private string Write(string type, int metric, float[][]? rows = null)
    {
        string path = Path.Combine(_folder, Path.GetRandomFileName());
        File.WriteAllBytes(path, Bytes(type, metric, rows));
        return path;
    }

    private static byte[] Bytes(string type, int metric, float[][]? rows = null)
    {
        rows ??= Rows;
        int dimension = rows.Length == 0 ? 3 : rows[0].Length;
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write(Encoding.Latin1.GetBytes(type));
        writer.Write(dimension);
        writer.Write((long)rows.Length);
        writer.Write(1L << 20);
        writer.Write(1L << 20);
        writer.Write((byte)1);
        writer.Write(metric);
        writer.Write((ulong)(dimension * rows.Length));
        foreach (float value in rows.SelectMany(row => row))
        {
            writer.Write(value);
        }

        writer.Flush();
        return stream.ToArray();
    }
}
