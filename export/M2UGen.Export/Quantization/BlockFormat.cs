using System.Numerics;

namespace M2UGen.Export.Quantization;

/// <summary>How a matrix is stored in blocks of small integers: w = (code - zero point) * scale, one scale (and zero point) a block of a row.</summary>
/// <remarks>
/// The layout is that of ONNX Runtime's MatMulNBits: codes <c>[rows, blocks, size * bits / 8]</c>, of two 4-bit codes in a byte the lower nibble is the
/// first; rows that end inside a block are filled with zeros.
/// </remarks>
internal readonly record struct BlockFormat
{
    private const int SmallestBlock = 16;
    private const int LargestBlock = 256;

    /// <summary>The block sizes that are measured and offered; the operator takes more.</summary>
    public static IReadOnlyList<int> BlockSizes { get; } = [32, 64, 128];

    /// <summary>Describes a format.</summary>
    /// <param name="bits">4 or 8.</param>
    /// <param name="blockSize">A power of two from 16 to 256.</param>
    /// <param name="isSymmetric">Whether zero is always the middle code; otherwise every block has a zero point of its own.</param>
    /// <param name="searchesScales">Whether scales are chosen for the smallest squared error instead of by the plain rule.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such format.</exception>
    public BlockFormat(int bits, int blockSize, bool isSymmetric = true, bool searchesScales = true)
    {
        if (bits is not (4 or 8))
        {
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "Codes have 4 or 8 bits.");
        }

        if (blockSize is < SmallestBlock or > LargestBlock || !BitOperations.IsPow2(blockSize))
        {
            throw new ArgumentOutOfRangeException(nameof(blockSize), blockSize, $"The number of weights in a block is a power of two from {SmallestBlock} to {LargestBlock}.");
        }

        Bits = bits;
        BlockSize = blockSize;
        IsSymmetric = isSymmetric;
        SearchesScales = searchesScales;
    }

    /// <summary>Bits of a code: 4 or 8.</summary>
    public int Bits { get; }

    /// <summary>Weights of a row that share a scale.</summary>
    public int BlockSize { get; }

    /// <summary>Whether the zero point is <see cref="MiddleCode"/> everywhere and not stored.</summary>
    public bool IsSymmetric { get; }

    /// <summary>Whether scales come from <see cref="ScaleSearch"/>.</summary>
    public bool SearchesScales { get; }

    /// <summary>The largest code.</summary>
    public int LargestCode => (1 << Bits) - 1;

    /// <summary>The zero point of symmetric blocks: 8 or 128.</summary>
    public int MiddleCode => 1 << (Bits - 1);

    /// <summary>Bytes of the codes of a block.</summary>
    public int BlockBytes => BlockSize * Bits / 8;

    /// <summary>Blocks of a row of <paramref name="columns"/> weights.</summary>
    public int BlocksOf(long columns) => checked((int)((columns + BlockSize - 1) / BlockSize));

    /// <summary>Bytes of the zero points of a row of <paramref name="blocks"/> blocks: two of 4 bits share a byte.</summary>
    public int ZeroPointBytes(int blocks) => ((blocks * Bits) + 7) / 8;
}
