using System.Numerics.Tensors;
using M2UGen.Export.Blocks;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Export.Calibration;

/// <summary>The largest number that every channel of a cache in 8 bits was seen to hold.</summary>
/// <param name="format">The cache's sizes.</param>
internal sealed class ChannelMaxima(KVCacheFormat format)
{
    private readonly int _channels = format.Heads * format.HeadSize;
    private readonly sbyte[] _row = new sbyte[format.HeadSize];

    /// <summary>[layers, key and value, heads, head size]: absolute values, 0 to 127.</summary>
    public byte[] Codes { get; } = new byte[format.Layers * 2 * format.Heads * format.HeadSize];

    /// <summary>Whether a channel holds numbers that were cut, so that nobody knows how large they would have been.</summary>
    public bool IsCut(int channel) => Codes[channel] >= (byte)CacheScales.Largest;

    /// <summary>Looks at all filled positions.</summary>
    public void Add(KVCache cache)
    {
        for (int layer = 0; layer < format.Layers; layer++)
        {
            Add(cache.Keys(layer), cache, Codes.AsSpan(2 * layer * _channels, _channels));
            Add(cache.Values(layer), cache, Codes.AsSpan(((2 * layer) + 1) * _channels, _channels));
        }
    }

    private void Add(NativeTensor tensor, KVCache cache, Span<byte> maxima)
    {
        Span<sbyte> codes = tensor.AsSpan<sbyte>();
        int rows = (int)tensor.Shape[0];
        for (int row = 0; row < rows; row++)
        {
            for (int head = 0; head < format.Heads; head++)
            {
                Span<byte> largest = maxima.Slice(head * format.HeadSize, format.HeadSize);
                int first = ((row * format.Heads) + head) * cache.Capacity;
                for (int position = 0; position < cache.Length; position++)
                {
                    // -128 saturates to 127, as far as a scale goes.
                    ReadOnlySpan<sbyte> values = codes.Slice((first + position) * format.HeadSize, format.HeadSize);
                    for (int i = 0; i < values.Length; i++)
                    {
                        _row[i] = sbyte.Max(values[i], -127);
                    }

                    TensorPrimitives.Abs<sbyte>(_row, _row);
                    TensorPrimitives.Max<byte>(largest, System.Runtime.InteropServices.MemoryMarshal.AsBytes(_row.AsSpan()), largest);
                }
            }
        }
    }
}
