namespace M2UGen.Sdk.Runtime.Memory;

/// <summary>The size of a value while a graph runs.</summary>
/// <param name="Shape">Its dimensions.</param>
/// <param name="ElementBytes">Bytes of an element.</param>
/// <param name="Numbers">Its elements where they are few and known: later shapes are made of them.</param>
internal readonly record struct ValueSize(long[] Shape, int ElementBytes, long[]? Numbers = null)
{
    /// <summary>Elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Bytes.</summary>
    public long Bytes => Count * ElementBytes;
}

/// <summary>Works out the sizes of all values of a graph from those of its inputs, by the operators' rules (ONNX Operators.md; ContribOperators.md of ONNX Runtime).</summary>
/// <remarks>
/// Of the numbers themselves only those are followed that shapes are made of: short lists of whole numbers. An operator without a rule of its own is taken to give what it was given.
/// </remarks>
internal static class GraphShapes
{
    // Longer lists of numbers are data, not shapes.
    private const int MaxNumbers = 64;

    private const int Float = sizeof(float);

    /// <summary>The sizes by name.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="inputs">Its inputs by name; those whose numbers decide shapes with their numbers.</param>
    /// <exception cref="InvalidOperationException">An input is missing, or shapes contradict each other: the graph and its inputs do not belong together.</exception>
    public static Dictionary<string, ValueSize> Infer(OnnxGraph graph, IReadOnlyDictionary<string, ValueSize> inputs)
    {
        Dictionary<string, ValueSize> values = new(inputs, StringComparer.Ordinal);
        foreach ((string name, OnnxInitializer initializer) in graph.Initializers)
        {
            values[name] = new ValueSize(initializer.Shape, initializer.ElementBytes, initializer.Numbers);
        }

        foreach (OnnxNode node in graph.Nodes)
        {
            ValueSize[] given = [.. node.Inputs.Select(name => name.Length == 0 ? default
                : values.TryGetValue(name, out ValueSize value) ? value
                : throw new InvalidOperationException($"The size of '{name}', which {node.Type} reads, is not known."))];
            ValueSize[] made;
            try
            {
                made = Of(node, given);
            }
            catch (Exception exception) when (exception is IndexOutOfRangeException or ArgumentException or DivideByZeroException or NullReferenceException)
            {
                string shapes = string.Join(", ", given.Select(value => value.Shape is null ? "none" : $"[{string.Join(", ", value.Shape)}]"));
                throw new InvalidOperationException($"{node.Type}, which gives '{node.Outputs[0]}', cannot take {shapes}.", exception);
            }

            for (int i = 0; i < node.Outputs.Count && i < made.Length; i++)
            {
                if (node.Outputs[i].Length > 0)
                {
                    values[node.Outputs[i]] = made[i];
                }
            }
        }

        return values;
    }

    private static ValueSize[] Of(OnnxNode node, ValueSize[] x) => node.Type switch
    {
        "Shape" => [Shape(node, x[0])],
        "Add" or "Sub" or "Mul" or "Div" or "Max" or "Min" or "Mod" or "Pow" => [Elementwise(node, x)],
        "Equal" or "Less" or "Greater" or "And" or "Or" => [new(Broadcast(x[0].Shape, x[1].Shape), 1)],
        "Where" => [new(Broadcast(Broadcast(x[0].Shape, x[1].Shape), x[2].Shape), x[1].ElementBytes)],
        "Not" => [new(x[0].Shape, 1)],
        "Neg" => [x[0] with { Numbers = x[0].Numbers is { } numbers ? Array.ConvertAll(numbers, number => -number) : null }],
        "Identity" => [x[0]],
        "Cast" => [new(x[0].Shape, OnnxGraphReader.BytesOf((TensorElementKind)node.Number("to", 1)), x[0].Numbers)],
        "MatMul" => [MatMul(x[0], x[1])],
        "MatMulNBits" => [new([.. x[0].Shape[..^1], node.Number("N", 0)], Float)],
        "Gemm" => [new([x[0].Shape[node.Number("transA", 0) == 0 ? 0 : 1], x[1].Shape[node.Number("transB", 0) == 0 ? 1 : 0]], Float)],
        "Conv" => [Conv(node, x[0], x[1])],
        "ConvTranspose" => [ConvTranspose(node, x[0], x[1])],
        "GlobalAveragePool" => [new([x[0].Shape[0], x[0].Shape[1], .. x[0].Shape.Skip(2).Select(_ => 1L)], Float)],
        "LSTM" => Lstm(node, x[0]),
        "MultiHeadAttention" => [new([x[0].Shape[0], x[0].Shape[1], x[2].Shape.Length == 4 ? x[2].Shape[1] * x[2].Shape[3] : x[2].Shape[^1]], Float)],
        "GroupQueryAttention" => [GroupQueryAttention(node, x), x[3], x[4]],
        "Gather" => [Gather(node, x[0], x[1])],
        "GatherBlockQuantized" => [new([.. x[1].Shape, .. QuantizedRow(node, x[0])], Float)],
        "Concat" => [Concat(node, x)],
        "Split" => Split(node, x),
        "Slice" => [Slice(x)],
        "Reshape" => [new(Reshape(x[0], x[1].Numbers!), x[0].ElementBytes, x[0].Numbers)],
        "Transpose" => [new([.. node.Numbers("perm")!.Select(axis => x[0].Shape[axis])], x[0].ElementBytes)],
        "Unsqueeze" => [new(Unsqueeze(x[0].Shape, x[1].Numbers!), x[0].ElementBytes, x[0].Numbers)],
        "Squeeze" => [new(Squeeze(x[0].Shape, x.Length > 1 ? x[1].Numbers : null), x[0].ElementBytes, x[0].Numbers)],
        "Range" => [new([Math.Max(0, (x[1].Numbers![0] - x[0].Numbers![0] + x[2].Numbers![0] - 1) / x[2].Numbers![0])], x[0].ElementBytes)],
        "Expand" => [new(Broadcast(x[0].Shape, x[1].Numbers!), x[0].ElementBytes)],
        "Tile" => [new([.. x[0].Shape.Zip(x[1].Numbers!, (size, times) => size * times)], x[0].ElementBytes)],
        "Pad" => [Pad(x[0], x[1].Numbers!)],
        "Resize" => [x[0] with { Shape = [.. x[0].Shape.Select((size, axis) => axis < 2 ? size : 2 * size)], Numbers = null }],
        "ReduceMean" or "ReduceSum" or "ReduceMax" or "ReduceProd" => [Reduce(node, x[0], node.Numbers("axes") ?? (x.Length > 1 ? x[1].Numbers : null), x[0].ElementBytes)],
        "ArgMax" or "ArgMin" => [Reduce(node, x[0], [node.Number("axis", 0)], sizeof(long))],
        "SkipLayerNormalization" or "SkipSimplifiedLayerNormalization" => [x[0], new([1], Float), new([1], Float), x[0]],
        "InstanceNormalization" or "LayerNormalization" or "SimplifiedLayerNormalization" => [new(x[0].Shape, x[0].ElementBytes)],
        _ => [.. node.Outputs.Select(_ => new ValueSize(x[0].Shape, x[0].ElementBytes))],
    };

    private static ValueSize Shape(OnnxNode node, ValueSize x)
    {
        int rank = x.Shape.Length;
        int start = Clamp(node.Number("start", 0), rank);
        int end = Math.Max(start, Clamp(node.Number("end", rank), rank));
        return new ValueSize([end - start], sizeof(long), x.Shape[start..end]);
    }

    private static ValueSize Elementwise(OnnxNode node, ValueSize[] x)
    {
        ValueSize result = x[0];
        foreach (ValueSize other in x.AsSpan(1))
        {
            long[] shape = Broadcast(result.Shape, other.Shape);
            long[]? numbers = result.Numbers is { } a && other.Numbers is { } b && (a.Length == b.Length || a.Length == 1 || b.Length == 1)
                ? [.. Enumerable.Range(0, Math.Max(a.Length, b.Length)).Select(i => Combine(node.Type, a[a.Length == 1 ? 0 : i], b[b.Length == 1 ? 0 : i]))]
                : null;
            result = new ValueSize(shape, result.ElementBytes, numbers);
        }

        return result;
    }

    private static long Combine(string type, long a, long b) => type switch
    {
        "Add" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Max" => Math.Max(a, b),
        "Min" => Math.Min(a, b),
        "Mod" => ((a % b) + b) % b,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No shape is made by this operator."),
    };

    private static long[] Broadcast(long[] a, long[] b)
    {
        long[] result = new long[Math.Max(a.Length, b.Length)];
        for (int i = 1; i <= result.Length; i++)
        {
            long left = i <= a.Length ? a[^i] : 1;
            long right = i <= b.Length ? b[^i] : 1;
            result[^i] = left == 1 ? right : right == 1 || left == right ? left : throw new ArgumentException($"{left} and {right} do not fit.");
        }

        return result;
    }

    private static ValueSize MatMul(ValueSize a, ValueSize b)
    {
        long[] left = a.Shape.Length == 1 ? [1, a.Shape[0]] : a.Shape;
        long[] right = b.Shape.Length == 1 ? [b.Shape[0], 1] : b.Shape;
        List<long> shape = [.. Broadcast(left[..^2], right[..^2])];
        if (a.Shape.Length > 1)
        {
            shape.Add(left[^2]);
        }

        if (b.Shape.Length > 1)
        {
            shape.Add(right[^1]);
        }

        return new ValueSize([.. shape], Float);
    }

    private static ValueSize Conv(OnnxNode node, ValueSize x, ValueSize weight)
    {
        int spatial = x.Shape.Length - 2;
        long[] shape = [x.Shape[0], weight.Shape[0], .. new long[spatial]];
        for (int i = 0; i < spatial; i++)
        {
            long reach = ((weight.Shape[i + 2] - 1) * At(node, "dilations", i, 1)) + 1;
            shape[i + 2] = ((x.Shape[i + 2] + At(node, "pads", i, 0) + At(node, "pads", i + spatial, 0) - reach) / At(node, "strides", i, 1)) + 1;
        }

        return new ValueSize(shape, Float);
    }

    private static ValueSize ConvTranspose(OnnxNode node, ValueSize x, ValueSize weight)
    {
        int spatial = x.Shape.Length - 2;
        long[] shape = [x.Shape[0], weight.Shape[1] * node.Number("group", 1), .. new long[spatial]];
        for (int i = 0; i < spatial; i++)
        {
            long reach = ((weight.Shape[i + 2] - 1) * At(node, "dilations", i, 1)) + 1;
            shape[i + 2] = (At(node, "strides", i, 1) * (x.Shape[i + 2] - 1)) + At(node, "output_padding", i, 0) + reach - At(node, "pads", i, 0) - At(node, "pads", i + spatial, 0);
        }

        return new ValueSize(shape, Float);
    }

    private static long At(OnnxNode node, string attribute, int index, long absent) => node.Numbers(attribute) is { } values && index < values.Length ? values[index] : absent;

    private static ValueSize[] Lstm(OnnxNode node, ValueSize x)
    {
        long size = node.Number("hidden_size", 0);
        ValueSize state = new([1, x.Shape[1], size], Float);
        return [new([x.Shape[0], 1, x.Shape[1], size], Float), state, state];
    }

    private static ValueSize GroupQueryAttention(OnnxNode node, ValueSize[] x)
    {
        // Packed: queries, keys and values lie in one row.
        long heads = node.Number("num_heads", 1);
        long packed = heads + (2 * node.Number("kv_num_heads", heads));
        long width = x[1].Shape is null ? x[0].Shape[^1] * heads / packed : x[0].Shape[^1];
        return new ValueSize([.. x[0].Shape[..^1], width], x[0].ElementBytes);
    }

    private static ValueSize Gather(OnnxNode node, ValueSize data, ValueSize indices)
    {
        int axis = Clamp(node.Number("axis", 0), data.Shape.Length);
        long[]? numbers = data.Numbers is { } all && indices.Numbers is { } picked ? Array.ConvertAll(picked, i => all[i < 0 ? i + all.Length : i]) : null;
        return new ValueSize([.. data.Shape[..axis], .. indices.Shape, .. data.Shape[(axis + 1)..]], data.ElementBytes, numbers);
    }

    private static long[] QuantizedRow(OnnxNode node, ValueSize codes)
    {
        long[] row = codes.Shape[1..];

        // Codes of four bits lie two in a byte.
        row[^1] = row[^1] * 8 / node.Number("bits", 4);
        return row;
    }

    private static ValueSize Concat(OnnxNode node, ValueSize[] x)
    {
        int axis = Clamp(node.Number("axis", 0), x[0].Shape.Length);
        long[] shape = [.. x[0].Shape];
        shape[axis] = x.Sum(value => value.Shape[axis]);
        long[]? numbers = x.All(value => value.Numbers is not null) && shape.Length == 1 && shape[0] <= MaxNumbers ? [.. x.SelectMany(value => value.Numbers!)] : null;
        return new ValueSize(shape, x[0].ElementBytes, numbers);
    }

    private static ValueSize[] Split(OnnxNode node, ValueSize[] x)
    {
        int axis = Clamp(node.Number("axis", 0), x[0].Shape.Length);
        int count = node.Outputs.Count;
        long[] sizes = x.Length > 1 && x[1].Numbers is { } given ? given : [.. Enumerable.Repeat(x[0].Shape[axis] / count, count)];
        return Array.ConvertAll(sizes, size =>
        {
            long[] shape = [.. x[0].Shape];
            shape[axis] = size;
            return new ValueSize(shape, x[0].ElementBytes);
        });
    }

    private static ValueSize Slice(ValueSize[] x)
    {
        long[] shape = [.. x[0].Shape];
        long[]? numbers = x[0].Numbers;
        for (int i = 0; i < x[1].Shape[0]; i++)
        {
            int axis = x.Length > 3 && x[3].Numbers is { } axes ? Clamp(axes[i], shape.Length) : i;
            long step = x.Length > 4 && x[4].Numbers is { } steps ? steps[i] : 1;
            long size = shape[axis];

            // Where a border is known to the run alone, the part may be all of it.
            long start = Border(x[1].Numbers?[i] ?? 0, size);
            long end = Border(x[2].Numbers?[i] ?? size, size);
            shape[axis] = Math.Max(0, step > 0 ? (end - start + step - 1) / step : size);
            numbers = numbers is not null && shape.Length == 1 && step == 1 && end >= start ? numbers[(int)start..(int)end] : null;
        }

        return new ValueSize(shape, x[0].ElementBytes, numbers);

        static long Border(long value, long size) => Math.Clamp(value < 0 ? value + size : value, 0, size);
    }

    private static long[] Reshape(ValueSize x, long[] target)
    {
        long[] shape = [.. target.Select((size, axis) => size == 0 ? x.Shape[axis] : size)];
        int open = Array.IndexOf(shape, -1);
        if (open >= 0)
        {
            long others = 1;
            for (int i = 0; i < shape.Length; i++)
            {
                others *= i == open ? 1 : shape[i];
            }

            shape[open] = others == 0 ? 0 : x.Count / others;
        }

        return shape;
    }

    private static long[] Unsqueeze(long[] shape, long[] axes)
    {
        List<long> result = [.. shape];
        foreach (int axis in axes.Select(axis => Clamp(axis, shape.Length + axes.Length)).Order())
        {
            result.Insert(axis, 1);
        }

        return [.. result];
    }

    private static long[] Squeeze(long[] shape, long[]? axes)
    {
        int[]? gone = axes is null ? null : Array.ConvertAll(axes, axis => Clamp(axis, shape.Length));
        return [.. shape.Where((size, axis) => gone is null ? size != 1 : !gone.Contains(axis))];
    }

    private static ValueSize Pad(ValueSize x, long[] pads)
    {
        int rank = x.Shape.Length;
        return new ValueSize([.. x.Shape.Select((size, axis) => size + pads[axis] + pads[axis + rank])], x.ElementBytes);
    }

    private static ValueSize Reduce(OnnxNode node, ValueSize x, long[]? axes, int elementBytes)
    {
        int[] gone = axes is null ? [.. Enumerable.Range(0, x.Shape.Length)] : Array.ConvertAll(axes, axis => Clamp(axis, x.Shape.Length));
        long[] kept = node.Number("keepdims", 1) != 0
            ? [.. x.Shape.Select((size, axis) => gone.Contains(axis) ? 1 : size)]
            : [.. x.Shape.Where((_, axis) => !gone.Contains(axis))];
        return new ValueSize(kept, elementBytes);
    }

    private static int Clamp(long axis, int rank) => (int)Math.Clamp(axis < 0 ? axis + rank : axis, 0, rank);
}
