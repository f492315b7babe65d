using System.Globalization;
using System.Text;

namespace M2UGen.Export.Tests;

/// <summary>Reads an .onnx file back as text: inputs, outputs, weights and nodes, a line each. An own reader, so that the writer is not judged by itself.</summary>
internal static class OnnxText
{
    /// <summary>The graph of a model file.</summary>
    public static string Of(string path)
    {
        StringBuilder text = new();
        foreach (Field field in Fields(File.ReadAllBytes(path)))
        {
            if (field.Number == 8)
            {
                Field[] opset = [.. Fields(field.Bytes)];
                text.Append(CultureInfo.InvariantCulture, $"opset {Text(opset, 1)} {opset.Single(f => f.Number == 2).Integer}\n");
            }
        }

        Field[] graph = [.. Fields(Fields(File.ReadAllBytes(path)).Single(f => f.Number == 7).Bytes)];
        foreach ((int number, string label) in new[] { (11, "in"), (12, "out") })
        {
            foreach (Field value in graph.Where(f => f.Number == number))
            {
                text.Append(CultureInfo.InvariantCulture, $"{label} {ValueInfo(value.Bytes)}\n");
            }
        }

        foreach (Field tensor in graph.Where(f => f.Number == 5))
        {
            text.Append(CultureInfo.InvariantCulture, $"weight {Tensor(tensor.Bytes)}\n");
        }

        foreach (Field node in graph.Where(f => f.Number == 1))
        {
            text.Append(CultureInfo.InvariantCulture, $"{Node(node.Bytes)}\n");
        }

        return text.ToString();
    }

    private static string Node(byte[] bytes)
    {
        Field[] fields = [.. Fields(bytes)];
        string inputs = string.Join(", ", fields.Where(f => f.Number == 1).Select(f => f.Text.Length == 0 ? "-" : f.Text));
        string outputs = string.Join(", ", fields.Where(f => f.Number == 2).Select(f => f.Text.Length == 0 ? "-" : f.Text));
        string attributes = string.Concat(fields.Where(f => f.Number == 5).Select(f => $" {Attribute(f.Bytes)}"));
        return $"{Text(fields, 3)} = {Text(fields, 7)}{(Text(fields, 7).Length > 0 ? "." : "")}{Text(fields, 4)}({inputs}){attributes} -> {outputs}";
    }

    private static string Attribute(byte[] bytes)
    {
        Field[] fields = [.. Fields(bytes)];
        string value = fields.Single(f => f.Number == 20).Integer switch
        {
            1 => BitConverter.ToSingle(fields.Single(f => f.Number == 2).Bytes).ToString("R", CultureInfo.InvariantCulture),
            2 => fields.Single(f => f.Number == 3).Integer.ToString(CultureInfo.InvariantCulture),
            3 => Text(fields, 4),
            7 => $"[{string.Join(", ", fields.Where(f => f.Number == 8).Select(f => f.Integer))}]",
            long type => $"type {type}",
        };
        return $"{Text(fields, 1)}={value}";
    }

    private static string Tensor(byte[] bytes)
    {
        Field[] fields = [.. Fields(bytes)];
        bool isExternal = fields.Any(f => f.Number == 14 && f.Integer == 1);
        return $"{Text(fields, 8)}: {fields.Single(f => f.Number == 2).Integer} [{string.Join(", ", Varints(fields.FirstOrDefault(f => f.Number == 1)?.Bytes ?? []))}]{(isExternal ? " external" : "")}";
    }

    private static string ValueInfo(byte[] bytes)
    {
        Field[] fields = [.. Fields(bytes)];
        Field[] tensor = [.. Fields(Fields(fields.Single(f => f.Number == 2).Bytes).Single(f => f.Number == 1).Bytes)];
        IEnumerable<string> dims = Fields(tensor.Single(f => f.Number == 2).Bytes).Select(dim =>
        {
            Field size = Fields(dim.Bytes).Single();
            return size.Number == 1 ? size.Integer.ToString(CultureInfo.InvariantCulture) : size.Text;
        });
        return $"{Text(fields, 1)}: {tensor.Single(f => f.Number == 1).Integer} [{string.Join(", ", dims)}]";
    }

    private static string Text(Field[] fields, int number) => fields.FirstOrDefault(f => f.Number == number)?.Text ?? "";

    private static IEnumerable<long> Varints(byte[] bytes)
    {
        for (int at = 0; at < bytes.Length;)
        {
            yield return Varint(bytes, ref at);
        }
    }

    private static List<Field> Fields(byte[] bytes)
    {
        List<Field> fields = [];
        for (int at = 0; at < bytes.Length;)
        {
            long key = Varint(bytes, ref at);
            int number = (int)(key >> 3);
            switch (key & 7)
            {
                case 0:
                    fields.Add(new Field(number, Varint(bytes, ref at), []));
                    break;
                case 2:
                    int length = (int)Varint(bytes, ref at);
                    fields.Add(new Field(number, 0, bytes[at..(at + length)]));
                    at += length;
                    break;
                case 5:
                    fields.Add(new Field(number, 0, bytes[at..(at + 4)]));
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"Field {number} has wire type {key & 7}.");
            }
        }

        return fields;
    }

    private static long Varint(byte[] bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return (long)value;
            }
        }
    }

    private sealed record Field(int Number, long Integer, byte[] Bytes)
    {
        public string Text => Encoding.UTF8.GetString(Bytes);
    }
}
