using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace M2UGen.Sdk.Runtime;

/// <summary>A tensor in native memory that graphs read and write in place; its contents may be rewritten between runs.</summary>
/// <remarks>Not thread-safe. Whoever allocated or took it disposes it, after the runs that it is bound to.</remarks>
internal sealed unsafe class NativeTensor : IDisposable
{
    // The widest vector registers are 64 bytes; tensors that start on such a border are read without split loads.
    private const int Alignment = 64;

    private static long _alive;

    private readonly long[] _shape;
    private void* _owned;
    private void* _data;
    private OrtValue? _value;

    private NativeTensor(TensorElementKind kind, long[] shape, void* owned, void* data, OrtValue value)
    {
        Kind = kind;
        _shape = shape;
        _owned = owned;
        _data = data;
        _value = value;
        ElementCount = Count(shape);
        Interlocked.Increment(ref _alive);
    }

    // Only the memory: the value has a finalizer of its own, which may have run already.
    ~NativeTensor() => NativeMemory.Free(_owned);

    /// <summary>Tensors of the process that were made and not disposed. One that only its finalizer freed counts on: it was forgotten.</summary>
    public static long Alive => Interlocked.Read(ref _alive);

    /// <summary>The element type.</summary>
    public TensorElementKind Kind { get; }

    /// <summary>The dimensions.</summary>
    public ReadOnlySpan<long> Shape => _shape;

    /// <summary>The number of elements.</summary>
    public long ElementCount { get; }

    internal OrtValue Value => _value ?? throw new ObjectDisposedException(nameof(NativeTensor));

    /// <summary>Allocates a tensor of zeros. Large tensors take memory only as they are written to.</summary>
    public static NativeTensor Allocate<T>(params ReadOnlySpan<long> shape)
        where T : unmanaged
        => Allocate(KindOf<T>(), shape);

    /// <summary>Allocates a tensor of zeros of an element type that only the graph's contract knows.</summary>
    public static NativeTensor Allocate(TensorElementKind kind, params ReadOnlySpan<long> shape)
    {
        long[] dimensions = shape.ToArray();
        long bytes = checked(Count(dimensions) * SizeOf(kind));
        void* owned = NativeMemory.AllocZeroed(checked((nuint)(bytes + Alignment)));
        void* data = (void*)(((nuint)owned + (Alignment - 1)) & ~(nuint)(Alignment - 1));
        try
        {
            OrtValue value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, (TensorElementType)kind, dimensions, (nint)data, bytes);
            return new NativeTensor(kind, dimensions, owned, data, value);
        }
        catch
        {
            NativeMemory.Free(owned);
            throw;
        }
    }

    /// <summary>Allocates a tensor with the given contents.</summary>
    public static NativeTensor Of<T>(ReadOnlySpan<T> elements, params ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        NativeTensor tensor = Allocate<T>(shape);
        elements.CopyTo(tensor.AsSpan<T>());
        return tensor;
    }

    /// <summary>Takes over a value that a run allocated.</summary>
    internal static NativeTensor Take(OrtValue value)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        fixed (byte* data = value.GetTensorMutableRawData())
        {
            // The memory is native and stays where it is for the life of the value.
            return new NativeTensor((TensorElementKind)info.ElementDataType, info.Shape, null, data, value);
        }
    }

    /// <summary>The elements.</summary>
    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> is not the tensor's element type.</exception>
    public Span<T> AsSpan<T>()
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_value is null, this);
        if (KindOf<T>() != Kind)
        {
            throw new InvalidOperationException($"The tensor holds {Kind}, not {typeof(T).Name}.");
        }

        return new Span<T>(_data, checked((int)ElementCount));
    }

    public void Dispose()
    {
        if (_value is not null)
        {
            _value.Dispose();
            _value = null;
            Interlocked.Decrement(ref _alive);
        }

        _data = null;
        NativeMemory.Free(_owned);
        _owned = null;
        GC.SuppressFinalize(this);
    }

    private static int SizeOf(TensorElementKind kind) => kind switch
    {
        TensorElementKind.Int64 => 8,
        TensorElementKind.Float or TensorElementKind.Int32 => 4,
        TensorElementKind.Float16 => 2,
        TensorElementKind.UInt8 or TensorElementKind.Int8 or TensorElementKind.Bool => 1,
        _ => throw new NotSupportedException($"Tensors of {kind} do not cross a graph's border."),
    };

    private static TensorElementKind KindOf<T>() =>
        typeof(T) == typeof(float) ? TensorElementKind.Float
        : typeof(T) == typeof(long) ? TensorElementKind.Int64
        : typeof(T) == typeof(int) ? TensorElementKind.Int32
        : typeof(T) == typeof(Half) ? TensorElementKind.Float16
        : typeof(T) == typeof(byte) ? TensorElementKind.UInt8
        : typeof(T) == typeof(sbyte) ? TensorElementKind.Int8
        : typeof(T) == typeof(bool) ? TensorElementKind.Bool
        : throw new NotSupportedException($"Tensors of {typeof(T).Name} do not cross a graph's border.");

    private static long Count(long[] shape)
    {
        long count = 1;
        foreach (long dimension in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dimension);
            count = checked(count * dimension);
        }

        return count;
    }
}
