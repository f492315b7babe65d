using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace M2UGen.Sdk.Encoders.Adapters;

/// <summary>How a row of the index is compared with a feature.</summary>
internal enum KnnMetric
{
    /// <summary>Inner product: the largest score is the nearest.</summary>
    InnerProduct = 0,

    /// <summary>Squared Euclidean distance: the smallest score is the nearest.</summary>
    L2 = 1,
}

/// <summary>The first bytes of a faiss flat index file, checked against the length of the file.</summary>
/// <remarks>
/// <code>
///  0  char[4]  type       "IxFI" inner product | "IxF2" L2 | "IxFl" either (files of very old versions)
///  4  int32    dimension
///  8  int64    count      of rows
/// 16  int64[2] unused
/// 32  byte     is_trained
/// 33  int32    metric     0 inner product | 1 L2
/// 37  uint64   floats     dimension · count
/// 45  float32  rows       [count × dimension], to the end of the file
/// </code>
/// All little-endian. Source: faiss, impl/index_write.cpp, write_index_header and IndexFlat.
/// </remarks>
/// <param name="Metric">How rows are compared.</param>
/// <param name="Dimension">Values of a row, at least 1.</param>
/// <param name="Count">Rows, at least 1.</param>
internal readonly record struct KnnIndexHeader(KnnMetric Metric, int Dimension, long Count)
{
    /// <summary>Bytes before the first row.</summary>
    public const int Size = 45;

    private const string Remedy = "Write a flat index (faiss.IndexFlatIP or IndexFlatL2) with faiss.write_index.";

    /// <summary>Reads and checks a header.</summary>
    /// <param name="bytes">The first bytes of the file, up to <see cref="Size"/>; fewer if the file has no more.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="ModelBundleException">It is no flat index, or the header and the length of the file do not agree, or it holds no row.</exception>
    public static KnnIndexHeader Parse(ReadOnlySpan<byte> bytes, long fileLength, string path)
    {
        string type = bytes.Length >= 4 ? Encoding.Latin1.GetString(bytes[..4]) : "";
        if (type is not ("IxFI" or "IxF2" or "IxFl"))
        {
            throw new ModelBundleException(path, $"'{path}' is not a flat faiss index: expected the type 'IxFI', 'IxF2' or 'IxFl', found {Describe(type, bytes)}. {Remedy}");
        }

        if (bytes.Length < Size)
        {
            throw Broken($"the header of a flat index has {Size} bytes, the file {fileLength}");
        }

        int dimension = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
        long count = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
        int metric = BinaryPrimitives.ReadInt32LittleEndian(bytes[33..]);
        ulong floats = BinaryPrimitives.ReadUInt64LittleEndian(bytes[37..]);
        if (metric is not ((int)KnnMetric.InnerProduct or (int)KnnMetric.L2))
        {
            throw new ModelBundleException(path, $"Index '{path}' compares by metric {metric}; expected 0 (inner product) or 1 (L2). {Remedy}");
        }

        if ((type == "IxFI" && metric != (int)KnnMetric.InnerProduct) || (type == "IxF2" && metric != (int)KnnMetric.L2))
        {
            throw Broken($"its type '{type}' and its metric {metric} contradict each other");
        }

        if (dimension < 1 || count < 0)
        {
            throw Broken($"it claims {count} rows of {dimension} values");
        }

        if (count == 0)
        {
            throw new ModelBundleException(path, $"Index '{path}' holds no row, so there is nothing to find in it. Add features to it, or leave the kNN cache switched off.");
        }

        Int128 values = (Int128)count * dimension;
        if (values != floats)
        {
            throw Broken($"{count} rows of {dimension} values are {values} values, but it claims {floats}");
        }

        Int128 expected = (values * sizeof(float)) + Size;
        if (expected != fileLength)
        {
            throw Broken($"{count} rows of {dimension} values make a file of {expected} bytes, found {fileLength}");
        }

        return new KnnIndexHeader((KnnMetric)metric, dimension, count);

        ModelBundleException Broken(string what) => new(path, $"Index '{path}' is damaged: {what}. Copy or write it again.");
    }

    private static string Describe(string type, ReadOnlySpan<byte> bytes)
    {
        string? known = type switch
        {
            "IxMp" or "IxM2" => "an ID map",
            "IwFl" => "an inverted file",
            "IwPQ" or "IwQR" => "an inverted file with product quantisation",
            "IwSq" => "an inverted file with scalar quantisation",
            "IxPq" => "product quantisation",
            "IxSQ" => "scalar quantisation",
            "IxHe" => "locality-sensitive hashing",
            "IxPT" => "an index behind a transform",
            "IxRF" => "an index with refinement",
            "IHNf" or "IHNp" or "IHNs" or "IHN2" => "an HNSW graph",
            "INSf" => "an NSG graph",
            "IBxF" => "an index of binary vectors",
            _ => null,
        };
        return known is not null ? $"'{type}' ({known})"
            : type.Length == 0 ? string.Create(CultureInfo.InvariantCulture, $"{bytes.Length} bytes")
            : type.All(character => character is > ' ' and <= '~') ? $"'{type}'"
            : $"the bytes {Convert.ToHexString(bytes[..4])}";
    }
}
