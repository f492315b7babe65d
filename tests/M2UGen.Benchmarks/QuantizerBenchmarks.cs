using BenchmarkDotNet.Attributes;
using M2UGen.Export.Quantization;

namespace M2UGen.Benchmarks;

/// <summary>The exporter's block quantisation of one row of a 7B model's matrix, on one thread.</summary>
public class QuantizerBenchmarks
{
    private const int Columns = 4096;

    private readonly float[] _row = Numbers.Gaussian(Columns, 0.02f, seed: 1);
    private readonly byte[] _codes = new byte[Columns];
    private readonly float[] _scales = new float[Columns / 32];
    private readonly byte[] _zeroPoints = new byte[Columns / 32];

    [Params(4, 8)]
    public int Bits { get; set; }

    [Params(32, 128)]
    public int BlockSize { get; set; }

    [Params(false, true)]
    public bool SearchesScales { get; set; }

    [Benchmark]
    public bool QuantizeRow()
    {
        BlockFormat format = new(Bits, BlockSize, isSymmetric: true, SearchesScales);
        int blocks = format.BlocksOf(Columns);
        return BlockQuantizer.QuantizeRow(format, _row, Columns, _codes.AsSpan(0, blocks * format.BlockBytes), _scales.AsSpan(0, blocks), _zeroPoints.AsSpan(0, 0));
    }
}
