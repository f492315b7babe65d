using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Quantization;

/// <summary>Numbers of float32 as an initializer of 16-bit floats, rounded to the nearest while they are saved.</summary>
/// <param name="floats">What is rounded: an initializer in float32, which writes whole elements.</param>
internal sealed class Float16Initializer(InitializerData floats) : InitializerData(DataType.Float16, floats.Shape)
{
    /// <summary>Rounds a weight.</summary>
    public Float16Initializer(Weight weight)
        : this(weight.AsInitializer())
    {
    }

    /// <summary>Whether the last writing met numbers beyond 65504, the largest of a 16-bit float, or numbers that are not finite: what was written then must not be used.</summary>
    public bool IsBeyondRange { get; private set; }

    /// <inheritdoc/>
    public override long WriteTo(Stream stream)
    {
        using Halving halves = new(stream);
        long bytes = floats.WriteTo(halves);
        IsBeyondRange = halves.IsBeyondRange;
        return bytes / 2;
    }

    private sealed class Halving(Stream target) : FloatSink
    {
        private readonly Half[] _piece = new Half[1 << 16];

        public bool IsBeyondRange { get; private set; }

        protected override void Take(ReadOnlySpan<float> elements)
        {
            for (int start = 0; start < elements.Length; start += _piece.Length)
            {
                ReadOnlySpan<float> part = elements[start..Math.Min(elements.Length, start + _piece.Length)];
                Span<Half> halves = _piece.AsSpan(0, part.Length);
                TensorPrimitives.ConvertToHalf(part, halves);
                foreach (Half half in halves)
                {
                    IsBeyondRange |= !Half.IsFinite(half);
                }

                target.Write(MemoryMarshal.AsBytes(halves));
            }
        }
    }
}
