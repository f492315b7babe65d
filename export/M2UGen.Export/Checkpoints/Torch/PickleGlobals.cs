namespace M2UGen.Export.Checkpoints.Torch;

/// <summary>What a global of the allow-list stands for.</summary>
internal enum PickleGlobalKind
{
    /// <summary>collections.OrderedDict.</summary>
    OrderedDict,

    /// <summary>argparse.Namespace.</summary>
    Namespace,

    /// <summary>torch._utils._rebuild_tensor: storage, offset, size, stride.</summary>
    RebuildTensor,

    /// <summary>torch._utils._rebuild_tensor_v2: the same, then requires_grad, hooks, metadata.</summary>
    RebuildTensorV2,

    /// <summary>torch._utils._rebuild_tensor_v3: the same with a dtype, over an untyped storage.</summary>
    RebuildTensorV3,

    /// <summary>torch._utils._rebuild_parameter(_with_state): a tensor with decoration.</summary>
    RebuildParameter,

    /// <summary>A typed storage class.</summary>
    Storage,

    /// <summary>torch.storage.UntypedStorage.</summary>
    UntypedStorage,

    /// <summary>A torch dtype such as torch.float16.</summary>
    DataType,

    /// <summary>torch.Size.</summary>
    Size,

    /// <summary>set or frozenset.</summary>
    Set,

    /// <summary>Something whose call gives a value of no interest: torch.device.</summary>
    Opaque,
}

/// <summary>The whole list of names that a checkpoint's pickle may mention. Nothing is ever looked up by name: each stands for a few lines of this reader.</summary>
internal static class PickleGlobals
{
    private static readonly Dictionary<(string Module, string Name), PickleGlobal> Allowed = MakeAllowed();

    /// <summary>The global, or null when it is not on the list. Compared byte for byte, so no other spelling, case or attribute path matches.</summary>
    public static PickleGlobal? Find(string module, string name) => Allowed.GetValueOrDefault((module, name));

    /// <summary>Why a global is refused, in words that help its owner.</summary>
    public static string Refusal(string module, string name)
    {
        string full = Text.Quote($"{module}.{name}");
        if (module == "torch" && name.EndsWith("Storage", StringComparison.Ordinal))
        {
            return $"its pickle asks for {full}, a kind of storage that is not supported.";
        }

        if (module == "torch._utils" || module.StartsWith("torch.sparse", StringComparison.Ordinal))
        {
            return $"its pickle asks for {full}, a kind of tensor that is not supported. Save dense tensors with data.";
        }

        return module.StartsWith("torch.nn", StringComparison.Ordinal)
            ? $"its pickle asks for {full}: it holds a whole module, not weights. Save the weights alone: torch.save(model.state_dict(), path)."
            : $"its pickle asks for {full}, which tensors do not need and which is never loaded, since it may run code. If you trust the file, load it with torch and save the state dict alone.";
    }

    private static Dictionary<(string Module, string Name), PickleGlobal> MakeAllowed()
    {
        Dictionary<(string, string), PickleGlobal> allowed = [];
        Add("collections", "OrderedDict", PickleGlobalKind.OrderedDict);
        Add("argparse", "Namespace", PickleGlobalKind.Namespace);
        Add("torch._utils", "_rebuild_tensor", PickleGlobalKind.RebuildTensor);
        Add("torch._utils", "_rebuild_tensor_v2", PickleGlobalKind.RebuildTensorV2);
        Add("torch._utils", "_rebuild_tensor_v3", PickleGlobalKind.RebuildTensorV3);
        Add("torch._utils", "_rebuild_parameter", PickleGlobalKind.RebuildParameter);
        Add("torch._utils", "_rebuild_parameter_with_state", PickleGlobalKind.RebuildParameter);
        Add("torch", "Size", PickleGlobalKind.Size);
        Add("torch", "device", PickleGlobalKind.Opaque);
        Add("torch.storage", "UntypedStorage", PickleGlobalKind.UntypedStorage);
        Add("torch", "UntypedStorage", PickleGlobalKind.UntypedStorage);
        foreach (string module in (ReadOnlySpan<string>)["builtins", "__builtin__"])
        {
            Add(module, "set", PickleGlobalKind.Set);
            Add(module, "frozenset", PickleGlobalKind.Set);
        }

        foreach ((string name, TensorElementType type) in (ReadOnlySpan<(string, TensorElementType)>)
        [
            ("Float", TensorElementType.Float32), ("Half", TensorElementType.Float16), ("BFloat16", TensorElementType.BFloat16),
            ("Double", TensorElementType.Float64), ("Long", TensorElementType.Int64), ("Int", TensorElementType.Int32),
            ("Short", TensorElementType.Int16), ("Char", TensorElementType.Int8), ("Byte", TensorElementType.UInt8),
            ("Bool", TensorElementType.Bool), ("ComplexFloat", TensorElementType.Complex64),
        ])
        {
            Add("torch", name + "Storage", PickleGlobalKind.Storage, type);
        }

        foreach ((string name, TensorElementType type) in (ReadOnlySpan<(string, TensorElementType)>)
        [
            ("float32", TensorElementType.Float32), ("float16", TensorElementType.Float16), ("bfloat16", TensorElementType.BFloat16),
            ("float64", TensorElementType.Float64), ("int64", TensorElementType.Int64), ("int32", TensorElementType.Int32),
            ("int16", TensorElementType.Int16), ("int8", TensorElementType.Int8), ("uint8", TensorElementType.UInt8),
            ("bool", TensorElementType.Bool), ("complex64", TensorElementType.Complex64),
            ("float8_e4m3fn", TensorElementType.Float8E4M3), ("float8_e5m2", TensorElementType.Float8E5M2), ("float8_e8m0fnu", TensorElementType.Float8E8M0),
            ("uint16", TensorElementType.UInt16), ("uint32", TensorElementType.UInt32), ("uint64", TensorElementType.UInt64),
        ])
        {
            Add("torch", name, PickleGlobalKind.DataType, type);
        }

        return allowed;

        void Add(string module, string name, PickleGlobalKind kind, TensorElementType? type = null) =>
            allowed.Add((module, name), new PickleGlobal($"{module}.{name}", kind, type));
    }
}
