using System.Buffers.Binary;
using System.Text;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>Reads the graph of an .onnx file by the field numbers of <c>onnx.proto</c>; external weights are not touched.</summary>
internal static class OnnxGraphReader
{
    // The graphs that the exporter writes have a few hundred kilobytes: their weights lie beside them.
    private const int MaxBytes = 256 << 20;

    // Shapes are lists of a few numbers; longer constants are data.
    private const int MaxNumbers = 64;

    private const int ExternalLocation = 1;

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelBundleException">It is no ONNX file, or too large to be one whose weights lie beside it.</exception>
    public static OnnxGraph Read(string path)
    {
        byte[] bytes = ReadBytes(path);
        try
        {
            return Parse(bytes);
        }
        catch (InvalidDataException exception)
        {
            throw new ModelBundleException(path, $"'{path}' is no ONNX graph: {exception.Message}. Export the bundle again with m2ugen-export.", exception);
        }
    }

    /// <summary>The bytes of a graph file.</summary>
    /// <exception cref="ModelBundleException">It is too large to be one whose weights lie beside it.</exception>
    public static byte[] ReadBytes(string path) => WholeFile.Read(path, MaxBytes, out long length)
        ?? throw new ModelBundleException(path, $"'{path}' has {length} bytes; a graph whose weights lie beside it has at most {MaxBytes}. Export the bundle again with m2ugen-export.");

    /// <summary>Reads a ModelProto.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    internal static OnnxGraph Parse(ReadOnlySpan<byte> model)
    {
        ProtobufReader reader = new(model);
        while (reader.Next())
        {
            if (reader.Field == 7)
            {
                return ParseGraph(reader.Bytes);
            }
        }

        throw new InvalidDataException("it holds no graph");
    }

    private static OnnxGraph ParseGraph(ReadOnlySpan<byte> graph)
    {
        List<OnnxNode> nodes = [];
        Dictionary<string, OnnxInitializer> initializers = new(StringComparer.Ordinal);
        List<string> outputs = [];
        ProtobufReader reader = new(graph);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    nodes.Add(ParseNode(reader.Bytes));
                    break;
                case 5:
                    (string name, OnnxInitializer initializer) = ParseTensor(reader.Bytes);
                    initializers[name] = initializer;
                    break;
                case 12:
                    outputs.Add(ParseName(reader.Bytes));
                    break;
            }
        }

        return new OnnxGraph(nodes, initializers, outputs);
    }

    private static OnnxNode ParseNode(ReadOnlySpan<byte> node)
    {
        string type = "";
        List<string> inputs = [];
        List<string> outputs = [];
        Dictionary<string, long[]> attributes = new(StringComparer.Ordinal);
        ProtobufReader reader = new(node);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    inputs.Add(Encoding.UTF8.GetString(reader.Bytes));
                    break;
                case 2:
                    outputs.Add(Encoding.UTF8.GetString(reader.Bytes));
                    break;
                case 4:
                    type = Encoding.UTF8.GetString(reader.Bytes);
                    break;
                case 5 when ParseAttribute(reader.Bytes) is (string name, long[] numbers):
                    attributes[name] = numbers;
                    break;
            }
        }

        return new OnnxNode(type, inputs, outputs, attributes);
    }

    private static (string Name, long[] Numbers)? ParseAttribute(ReadOnlySpan<byte> attribute)
    {
        string name = "";
        List<long> numbers = [];
        ProtobufReader reader = new(attribute);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = Encoding.UTF8.GetString(reader.Bytes);
                    break;
                case 3:
                    numbers.Add(reader.Int64);
                    break;
                case 8:
                    reader.AddInt64s(numbers);
                    break;
            }
        }

        return numbers.Count > 0 ? (name, [.. numbers]) : null;
    }

    private static (string Name, OnnxInitializer Initializer) ParseTensor(ReadOnlySpan<byte> tensor)
    {
        string name = "";
        List<long> shape = [];
        List<long> numbers = [];
        int type = 0;
        bool isExternal = false;
        ReadOnlySpan<byte> raw = default;
        ProtobufReader reader = new(tensor);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    reader.AddInt64s(shape);
                    break;
                case 2:
                    type = reader.Int32;
                    break;
                case 7:
                    reader.AddInt64s(numbers);
                    break;
                case 8:
                    name = Encoding.UTF8.GetString(reader.Bytes);
                    break;
                case 9:
                    raw = reader.Bytes;
                    break;
                case 14:
                    isExternal = reader.Int32 == ExternalLocation;
                    break;
            }
        }

        if ((TensorElementKind)type == TensorElementKind.Int64 && raw.Length > 0 && raw.Length / sizeof(long) <= MaxNumbers)
        {
            for (; raw.Length >= sizeof(long); raw = raw[sizeof(long)..])
            {
                numbers.Add(BinaryPrimitives.ReadInt64LittleEndian(raw));
            }
        }

        return (name, new OnnxInitializer(BytesOf((TensorElementKind)type), [.. shape], isExternal, numbers.Count is > 0 and <= MaxNumbers ? [.. numbers] : null));
    }

    private static string ParseName(ReadOnlySpan<byte> valueInfo)
    {
        ProtobufReader reader = new(valueInfo);
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                return Encoding.UTF8.GetString(reader.Bytes);
            }
        }

        throw new InvalidDataException("an output has no name");
    }

    /// <summary>Bytes of an element.</summary>
    internal static int BytesOf(TensorElementKind kind) => kind switch
    {
        TensorElementKind.Int64 => 8,
        TensorElementKind.Float16 => 2,
        TensorElementKind.UInt8 or TensorElementKind.Int8 or TensorElementKind.Bool => 1,
        _ => 4,
    };
}
