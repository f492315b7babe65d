namespace M2UGen.Sdk.Media.Image;

/// <summary>Which pixels of one axis make an output pixel, and with what weight: PIL's bilinear filter in its fixed-point form.</summary>
/// <remarks>
/// The filter is a triangle of half-width 1 pixel; when shrinking, of 1 pixel of the result, so that nothing between is left out (antialiasing).
/// Source: Pillow 9.5, src/libImaging/Resample.c, precompute_coeffs and normalize_coeffs_8bpc; every operation in its order, since weights must agree in their last bit.
/// </remarks>
internal sealed class ResizeKernel
{
    /// <summary>Weights are multiples of 2^-22; a product with a byte and the sum of all fit an int32.</summary>
    public const int PrecisionBits = 22;

    /// <summary>Half of the last place, which every sum begins with, so that it is rounded.</summary>
    public const int Half = 1 << (PrecisionBits - 1);

    private readonly int[] _starts;
    private readonly int[] _offsets;
    private readonly int[] _weights;

    /// <summary>Computes the weights of an axis.</summary>
    /// <param name="inputSize">Pixels of the axis before, at least 1.</param>
    /// <param name="outputSize">Pixels of the axis after, at least 1.</param>
    public ResizeKernel(int inputSize, int outputSize)
    {
        double scale = (double)inputSize / outputSize;
        double filterScale = Math.Max(scale, 1);
        double support = filterScale;
        double inverse = 1 / filterScale;

        _starts = new int[outputSize];
        _offsets = new int[outputSize + 1];
        for (int i = 0; i < outputSize; i++)
        {
            double center = (i + 0.5) * scale;
            _starts[i] = Math.Max(0, (int)(center - support + 0.5));
            int taps = Math.Min(inputSize, (int)(center + support + 0.5)) - _starts[i];
            _offsets[i + 1] = _offsets[i] + taps;
            MaxTaps = Math.Max(MaxTaps, taps);
        }

        _weights = new int[_offsets[^1]];
        double[] weights = new double[MaxTaps];
        for (int i = 0; i < outputSize; i++)
        {
            double center = (i + 0.5) * scale;
            int taps = _offsets[i + 1] - _offsets[i];
            double sum = 0;
            for (int tap = 0; tap < taps; tap++)
            {
                weights[tap] = Math.Max(0, 1 - Math.Abs((tap + _starts[i] - center + 0.5) * inverse));
                sum += weights[tap];
            }

            for (int tap = 0; tap < taps; tap++)
            {
                _weights[_offsets[i] + tap] = (int)(0.5 + (weights[tap] / sum * (1 << PrecisionBits)));
            }
        }
    }

    /// <summary>The most input pixels that any output pixel takes.</summary>
    public int MaxTaps { get; }

    /// <summary>The first input pixel of an output pixel; never smaller than that of the one before.</summary>
    public int Start(int index) => _starts[index];

    /// <summary>A sum of weighted bytes, <see cref="Half"/> included, as a byte. Rounded weights may add up to a little more than one, never to less than nothing.</summary>
    public static byte ToByte(int sum) => (byte)Math.Min(sum >> PrecisionBits, byte.MaxValue);

    /// <summary>The weights of the input pixels from <see cref="Start"/> on.</summary>
    public ReadOnlySpan<int> Weights(int index) => _weights.AsSpan(_offsets[index].._offsets[index + 1]);
}
