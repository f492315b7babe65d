using System.Globalization;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Graph;

/// <summary>The messages of <c>onnx.proto</c> by field number: ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto.</summary>
internal static class OnnxProto
{
    // ONNX Runtime 1.31 runs IR 10; opset 17 is the last that every execution provider shares and that has LayerNormalization.
    private const long IrVersion = 10;
    private const long OpsetVersion = 17;

    /// <summary>An initializer in the external data file.</summary>
    public sealed record ExternalTensor(string Name, DataType Type, IReadOnlyList<long> Shape, string File, long Offset, long Length);

    public static void WriteModel(
        ProtoWriter writer,
        string graphName,
        GraphContents contents,
        IReadOnlyList<ExternalTensor> external,
        IReadOnlyList<TensorSpec> inputs,
        IReadOnlyList<TensorSpec> outputs)
    {
        writer.Int64(1, IrVersion);
        writer.String(2, "m2ugen-export");
        writer.Message(7, graph =>
        {
            foreach (GraphNode node in contents.Nodes)
            {
                graph.Message(1, message => WriteNode(message, node));
            }

            graph.String(2, graphName);
            foreach (InlineConstant constant in contents.Constants)
            {
                graph.Message(5, tensor => WriteInlineTensor(tensor, constant));
            }

            foreach (ExternalTensor tensor in external)
            {
                graph.Message(5, message => WriteExternalTensor(message, tensor));
            }

            foreach (TensorSpec input in inputs)
            {
                graph.Message(11, message => WriteValueInfo(message, input));
            }

            foreach (TensorSpec output in outputs)
            {
                graph.Message(12, message => WriteValueInfo(message, output));
            }
        });
        writer.Message(8, opset =>
        {
            opset.String(1, "");
            opset.Int64(2, OpsetVersion);
        });
        writer.Message(8, opset =>
        {
            opset.String(1, "com.microsoft");
            opset.Int64(2, 1);
        });
    }

    private static void WriteNode(ProtoWriter writer, GraphNode node)
    {
        foreach (string input in node.Inputs)
        {
            writer.String(1, input);
        }

        foreach (string output in node.Outputs)
        {
            writer.String(2, output);
        }

        writer.String(3, node.Name);
        writer.String(4, node.OpType);
        foreach (NodeAttribute attribute in node.Attributes)
        {
            writer.Message(5, message => WriteAttribute(message, attribute));
        }

        if (node.Domain.Length > 0)
        {
            writer.String(7, node.Domain);
        }
    }

    private static void WriteAttribute(ProtoWriter writer, NodeAttribute attribute)
    {
        const int TypeField = 20;
        writer.String(1, attribute.Name);
        switch (attribute.Content)
        {
            case float number:
                writer.Float(2, number);
                writer.Int64(TypeField, 1);
                break;
            case long integer:
                writer.Int64(3, integer);
                writer.Int64(TypeField, 2);
                break;
            case string text:
                writer.String(4, text);
                writer.Int64(TypeField, 3);
                break;
            case float[] numbers:
                foreach (float number in numbers)
                {
                    writer.Float(7, number);
                }

                writer.Int64(TypeField, 6);
                break;
            case long[] integers:
                foreach (long integer in integers)
                {
                    writer.Int64(8, integer);
                }

                writer.Int64(TypeField, 7);
                break;
            default:
                throw new InvalidOperationException($"Attribute '{attribute.Name}' has a content of type {attribute.Content.GetType()}.");
        }
    }

    private static void WriteInlineTensor(ProtoWriter writer, InlineConstant constant)
    {
        writer.PackedInt64(1, constant.Shape);
        writer.Int64(2, (long)constant.Type);
        writer.String(8, constant.Name);
        writer.Bytes(9, constant.Raw);
    }

    private static void WriteExternalTensor(ProtoWriter writer, ExternalTensor tensor)
    {
        writer.PackedInt64(1, [.. tensor.Shape]);
        writer.Int64(2, (long)tensor.Type);
        writer.String(8, tensor.Name);
        WriteEntry(writer, "location", tensor.File);
        WriteEntry(writer, "offset", tensor.Offset.ToString(CultureInfo.InvariantCulture));
        WriteEntry(writer, "length", tensor.Length.ToString(CultureInfo.InvariantCulture));
        writer.Int64(14, 1);
    }

    private static void WriteEntry(ProtoWriter writer, string key, string value) => writer.Message(13, entry =>
    {
        entry.String(1, key);
        entry.String(2, value);
    });

    private static void WriteValueInfo(ProtoWriter writer, TensorSpec spec)
    {
        writer.String(1, spec.Name);
        writer.Message(2, type => type.Message(1, tensor =>
        {
            tensor.Int64(1, (long)spec.Kind);
            tensor.Message(2, shape =>
            {
                foreach (TensorDimension dimension in spec.Dimensions)
                {
                    shape.Message(1, dim =>
                    {
                        if (dimension.Symbol is { } symbol)
                        {
                            dim.String(2, symbol);
                        }
                        else
                        {
                            dim.Int64(1, dimension.Size);
                        }
                    });
                }
            });
        }));
    }
}
