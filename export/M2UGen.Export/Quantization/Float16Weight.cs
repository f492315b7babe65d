using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using M2UGen.Export.Graph;

namespace M2UGen.Export.Quantization;

/// <summary>A weight as an initializer of 16-bit floats, rounded to the nearest while it is saved.</summary>
internal sealed class Float16Weight(Weight weight) : InitializerData(DataType.Float16, weight.Shape)
{
    /// <inheritdoc/>
    public override long WriteTo(Stream stream)
    {
        using Halving halves = new(weight.Name, stream);
        weight.WriteTo(halves);
        return weight.ElementCount * 2;
    }

    private sealed class Halving(string name, Stream target) : FloatSink
    {
        private readonly Half[] _piece = new Half[1 << 16];

        protected override void Take(ReadOnlySpan<float> elements)
        {
            for (int start = 0; start < elements.Length; start += _piece.Length)
            {
                ReadOnlySpan<float> part = elements[start..Math.Min(elements.Length, start + _piece.Length)];
                Span<Half> halves = _piece.AsSpan(0, part.Length);
                TensorPrimitives.ConvertToHalf(part, halves);
                foreach (Half half in halves)
                {
                    if (!Half.IsFinite(half))
                    {
                        throw new ExportException(name, $"'{name}' holds numbers beyond 65504, the largest of a 16-bit float, or numbers that are not finite. Keep this table in float32.");
                    }
                }

                target.Write(MemoryMarshal.AsBytes(halves));
            }
        }
    }
}
