namespace M2UGen.Export.Checkpoints.Torch;

/// <summary>What the globals of the allow-list do when a pickle calls them.</summary>
internal static class PickleCalls
{
    /// <summary>A view may be larger than its storage (stride 0), but not beyond this many bytes: made contiguous it would fill the disk.</summary>
    private const long MaxExpandedBytes = 256 << 20;

    /// <summary>The result of REDUCE or NEWOBJ.</summary>
    /// <param name="callee">What is called.</param>
    /// <param name="arguments">Its arguments, a tuple.</param>
    /// <param name="isNew">NEWOBJ: only classes may be named.</param>
    /// <param name="fail">Makes the exception to throw, naming the file.</param>
    public static object Call(object? callee, object? arguments, bool isNew, Func<string, CheckpointException> fail)
    {
        if (callee is not PickleGlobal global || arguments is not PickleTuple { Items: var args })
        {
            throw fail("calls something that is no function, or without a tuple of arguments");
        }

        if (isNew && global.Kind is not (PickleGlobalKind.OrderedDict or PickleGlobalKind.Namespace or PickleGlobalKind.Set))
        {
            throw fail($"makes an object of {global.Name}");
        }

        return global.Kind switch
        {
            PickleGlobalKind.OrderedDict when args.Length == 0 => new PickleDict(acceptsState: true),
            PickleGlobalKind.Namespace when args.Length == 0 => new PickleDict(isNamespace: true, acceptsState: true),
            PickleGlobalKind.RebuildTensor when args.Length == 4 => Tensor(args, (args[0] as PickleStorage)?.Type, fail),
            PickleGlobalKind.RebuildTensorV2 when args is [_, _, _, _, bool, PickleDict or null, ..] && args.Length <= 7 =>
                Tensor(args, (args[0] as PickleStorage)?.Type, fail),
            PickleGlobalKind.RebuildTensorV3 when args is [_, _, _, _, bool, PickleDict or null, PickleGlobal { Kind: PickleGlobalKind.DataType }, ..] && args.Length <= 8 =>
                Tensor(args, ((PickleGlobal)args[6]!).Type, fail),
            PickleGlobalKind.RebuildParameter when args is [PickleTensor, bool, PickleDict or null, ..] && args.Length <= 4 => args[0]!,
            PickleGlobalKind.Size when args is [PickleTuple] => args[0]!,
            PickleGlobalKind.Set when args is [] or [PickleList or PickleTuple] => Set(args),
            PickleGlobalKind.Opaque => PickleOpaque.Instance,
            _ => throw fail($"calls {global.Name} with arguments that it does not take"),
        };
    }

    private static PickleList Set(object?[] args)
    {
        PickleList set = new(isSet: true);
        if (args.Length == 1)
        {
            set.Items.AddRange(args[0] is PickleList list ? list.Items : ((PickleTuple)args[0]!).Items);
        }

        return set;
    }

    /// <summary>Arguments storage, offset, size, stride; every element of the view must lie inside the storage.</summary>
    private static PickleTensor Tensor(object?[] args, TensorElementType? elementType, Func<string, CheckpointException> fail)
    {
        if (args is not [PickleStorage storage, long offset, PickleTuple sizes, PickleTuple steps, ..] || elementType is not { } type)
        {
            throw fail("describes a tensor by something else than a storage, an offset, a size and a stride");
        }

        long[] shape = Numbers(sizes, "size", fail);
        long[] strides = Numbers(steps, "stride", fail);
        if (shape.Length != strides.Length)
        {
            throw fail($"describes a tensor with {shape.Length} sizes and {strides.Length} strides");
        }

        int elementSize = type.Size();
        Int128 storageBytes = (Int128)storage.Count * (storage.Type?.Size() ?? 1);
        Int128 available = storageBytes / elementSize;
        long count = Shapes.TryCount(shape);
        Int128 end = offset;
        for (int i = 0; i < shape.Length && count > 0; i++)
        {
            end += (Int128)(shape[i] - 1) * strides[i];
        }

        if (count < 0 || offset < 0 || end + (count > 0 ? 1 : 0) > available)
        {
            throw fail($"describes a tensor of shape {Shapes.Describe(shape)}, stride {Shapes.Describe(strides)} and offset {offset} that is not inside its storage of {available} elements");
        }

        Int128 bytes = (Int128)count * elementSize;
        return bytes <= storageBytes || bytes <= MaxExpandedBytes
            ? new PickleTensor(storage, type, offset, shape, strides)
            : throw fail($"describes a tensor of shape {Shapes.Describe(shape)} over a storage of {available} elements: {bytes} bytes when written out");
    }

    private static long[] Numbers(PickleTuple tuple, string what, Func<string, CheckpointException> fail)
    {
        if (tuple.Items.Length > Shapes.MaxRank)
        {
            throw fail($"describes a tensor of {tuple.Items.Length} dimensions; at most {Shapes.MaxRank} are read");
        }

        long[] numbers = new long[tuple.Items.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = tuple.Items[i] is long and >= 0 ? (long)tuple.Items[i]! : throw fail($"describes a tensor whose {what} is no list of numbers from 0");
        }

        return numbers;
    }
}
