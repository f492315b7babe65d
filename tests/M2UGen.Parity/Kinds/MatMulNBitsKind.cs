using System.Text.Json;
using M2UGen.Export.Blocks;
using M2UGen.Export.Graph;
using M2UGen.Export.Quantization;
using M2UGen.Parity.Kinds.MusicGen;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Kinds;

/// <summary>Matrices in blocks of 4 and 8 bits: codes, scales and zero points by the plain rules, products, ONNX Runtime's operator on them, and the scale search.</summary>
internal sealed class MatMulNBitsKind : IParityKind
{
    // The case's note: an own run of the operator against the product of the dequantised weights, of the largest product.
    private const double RuntimeLevel0 = 2e-6;
    private const double RuntimeLevel4 = 3e-2;

    // "weight_rms_error and product_rms_error should be <= 1.02 times those recorded".
    private const double MostErrorRatio = 1.02;

    public bool Handles(string kind) => kind == "matmul-nbits";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        using TensorFile tensors = new(c.Resolve("tensors.safetensors"));
        using JsonDocument table = JsonDocument.Parse(File.ReadAllBytes(c.Resolve("expected.json")));
        Tolerance product = Tolerance.OfLargest(c.Json.GetProperty("tolerance").GetProperty("product").GetDouble());
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (JsonElement row in table.RootElement.EnumerateArray())
        {
            cancellationToken.ThrowIfCancellationRequested();
            string key = row.GetProperty("key").GetString()!;
            report.Row(key, () => new MatrixRow(tensors, row, key, product, report, seen).Check());
        }

        foreach (string tensor in tensors.Names.Where(tensor => !seen.Contains(tensor)))
        {
            report.Fail(tensor, "not compared: no row of expected.json has it");
        }
    }

    /// <summary>One matrix in one format.</summary>
    private sealed class MatrixRow(TensorFile tensors, JsonElement row, string key, Tolerance product, ParityReport report, HashSet<string> seen)
    {
        private readonly string _matrix = key[..key.IndexOf('.', StringComparison.Ordinal)];
        private readonly int _inputs = row.GetProperty("K").GetInt32();
        private readonly int _outputs = row.GetProperty("N").GetInt32();

        public void Check()
        {
            BlockFormat plain = new(row.GetProperty("bits").GetInt32(), row.GetProperty("block").GetInt32(), row.GetProperty("symmetric").GetBoolean(), searchesScales: false);
            float[] elements = Float($"{_matrix}.weight");
            float[] x = Float($"{_matrix}.input");
            Weight weight = Weight.Of(_matrix, [_inputs, _outputs], elements).Transposed();
            Stored stored = Store(weight, plain);
            CheckStored(stored);

            double[] exact = Product(x, Array.ConvertAll(weight.Load(), element => (double)element));
            CheckOnce($"{_matrix}.product", exact);
            double[] dequantised = Dequantise(stored);
            double[] ours = Product(x, dequantised);
            Compare($"{key}.product", Double($"{key}.product"), ours, product);
            CheckErrors("plain", weight, dequantised, ours, exact, products: true);

            double[] expected = Double($"{key}.product");
            Compare($"{key}.product, operator at level 0", expected, RunOperator(weight, plain, x, accuracyLevel: 0), Tolerance.OfLargest(RuntimeLevel0));
            Compare($"{key}.product, operator at level 4", expected, RunOperator(weight, plain, x, MatMulNBits.AccuracyLevel), Tolerance.OfLargest(RuntimeLevel4));

            // Information by the case's note: what another version of the operator gave. It is held against the same product as our own run.
            Compare($"{key}.runtime_level4", expected, Double($"{key}.runtime_level4"), Tolerance.OfLargest(RuntimeLevel4));

            BlockFormat searching = new(plain.Bits, plain.BlockSize, plain.IsSymmetric, searchesScales: true);
            CheckErrors("search", weight, Dequantise(Store(weight, searching)), [], [], products: false);
        }

        private void CheckStored(Stored stored)
        {
            BlockFormat format = stored.Format;
            CheckShare($"{key}.codes", Unpack(format, [.. tensors.Int64(Seen($"{key}.codes")).Select(code => (byte)code)]), Unpack(format, stored.Codes), row.GetProperty("restated_codes_equal").GetDouble());
            double[] scales = Double($"{key}.scales");
            bool isExact = row.GetProperty("restated_scales_equal").GetBoolean();
            Compare($"{key}.scales", scales, Array.ConvertAll(stored.Scales, scale => (double)scale), isExact ? Tolerance.Exact : Tolerance.OfLargest(1e-6));
            if (!format.IsSymmetric)
            {
                CheckShare($"{key}.zero_points", tensors.Int64(Seen($"{key}.zero_points")), Array.ConvertAll(stored.ZeroPoints, point => (long)point), row.GetProperty("restated_zero_points_equal").GetDouble());
            }
        }

        /// <summary>The codes one by one, those behind the ends of the rows included.</summary>
        /// <remarks>Of an odd number of 4-bit codes the library leaves something of its own in the other half of the last byte; no product sees it, and it is left out.</remarks>
        private long[] Unpack(BlockFormat format, byte[] codes)
        {
            int stride = format.BlocksOf(_inputs) * format.BlockSize;
            List<long> unpacked = [];
            for (int i = 0; i < codes.Length * 8 / format.Bits; i++)
            {
                if (i % stride != _inputs || format.Bits == 8 || _inputs % 2 == 0)
                {
                    unpacked.Add(format.Bits == 8 ? codes[i] : (codes[i / 2] >> (4 * (i & 1))) & 15);
                }
            }

            return [.. unpacked];
        }

        /// <summary>The rules restated in the case give this share of the library's numbers; ours must give as many.</summary>
        private void CheckShare(string tensor, long[] expected, long[] ours, double share)
        {
            if (share == 1 || expected.Length != ours.Length)
            {
                report.CheckIds(tensor, expected, ours);
                return;
            }

            int same = expected.Zip(ours).Count(pair => pair.First == pair.Second);
            report.Check(tensor, same >= Math.Floor(share * expected.Length), $"{same} of {expected.Length} are equal, expected a share of {share}");
        }

        private void CheckErrors(string rule, Weight weight, double[] dequantised, double[] ours, double[] exact, bool products)
        {
            double sum = 0, largest = 0, power = 0;
            float[] elements = weight.Load();
            for (int i = 0; i < elements.Length; i++)
            {
                double error = dequantised[i] - elements[i];
                sum += error * error;
                power += (double)elements[i] * elements[i];
                largest = Math.Max(largest, Math.Abs(error));
            }

            AtMost("weight_rms_error", Math.Sqrt(sum / elements.Length));
            AtMost("relative_rms_error", Math.Sqrt(sum / power));
            if (products)
            {
                AtMost("weight_max_error", largest);
                AtMost("product_rms_error", Math.Sqrt(ours.Zip(exact).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second)) / ours.Length));
            }

            void AtMost(string figure, double found)
            {
                double recorded = row.GetProperty(figure).GetDouble();
                report.Check($"{key}.{figure} ({rule})", found <= (MostErrorRatio * recorded) + double.Epsilon, $"{found} is more than {MostErrorRatio} x {recorded}");
            }
        }

        private double[] RunOperator(Weight weight, BlockFormat format, float[] x, int accuracyLevel)
        {
            GraphBuilder graph = new("matmul");
            Value input = graph.Input("x", TensorElementKind.Float, "rows", _inputs);
            graph.Output("y", MatMulNBits.Emit(graph, "/matmul", input, weight, format, bias: null, accuracyLevel), TensorElementKind.Float, "rows", _outputs);
            DirectoryInfo folder = Directory.CreateTempSubdirectory("m2ugen-parity-");
            try
            {
                using OnnxModel model = GraphRun.Load(graph, folder.FullName);
                using IModelRun run = model.CreateRun();
                using NativeTensor rows = NativeTensor.Of<float>(x, x.Length / _inputs, _inputs);
                run.BindInput("x", rows);
                run.BindOutputToAllocated("y");
                run.Run(CancellationToken.None);
                using NativeTensor y = run.TakeOutput("y");
                return Array.ConvertAll(y.AsSpan<float>().ToArray(), value => (double)value);
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }

        /// <summary>x [rows, K] times weights [N, K], summed in float64.</summary>
        private double[] Product(float[] x, double[] weights)
        {
            int rows = x.Length / _inputs;
            double[] product = new double[rows * _outputs];
            for (int i = 0; i < product.Length; i++)
            {
                (int r, int n) = Math.DivRem(i, _outputs);
                for (int k = 0; k < _inputs; k++)
                {
                    product[i] += x[(r * _inputs) + k] * weights[(n * _inputs) + k];
                }
            }

            return product;
        }

        private double[] Dequantise(Stored stored)
        {
            BlockFormat format = stored.Format;
            int blocks = format.BlocksOf(_inputs);
            int zeroBytes = format.IsSymmetric ? 0 : format.ZeroPointBytes(blocks);
            float[] filled = new float[blocks * format.BlockSize];
            double[] weights = new double[_outputs * _inputs];
            for (int n = 0; n < _outputs; n++)
            {
                BlockQuantizer.DequantizeRow(
                    format,
                    stored.Codes.AsSpan(n * blocks * format.BlockBytes, blocks * format.BlockBytes),
                    stored.Scales.AsSpan(n * blocks, blocks),
                    stored.ZeroPoints.AsSpan(n * zeroBytes, zeroBytes),
                    filled);
                for (int k = 0; k < _inputs; k++)
                {
                    weights[(n * _inputs) + k] = filled[k];
                }
            }

            return weights;
        }

        private static Stored Store(Weight weight, BlockFormat format)
        {
            QuantizedWeight quantized = new(weight, format);
            byte[] codes = Bytes(quantized.Codes);
            byte[] scales = Bytes(quantized.Scales);
            return new Stored(format, codes, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(scales).ToArray(), quantized.ZeroPoints is { } points ? Bytes(points) : []);
        }

        private static byte[] Bytes(InitializerData data)
        {
            using MemoryStream stream = new();
            data.WriteTo(stream);
            return stream.ToArray();
        }

        private void CheckOnce(string tensor, double[] actual)
        {
            if (!report.Has(tensor))
            {
                Compare(tensor, Double(tensor), actual, product);
            }
        }

        private void Compare(string name, double[] expected, double[] actual, Tolerance tolerance) => report.CheckValues(name, expected, actual, tolerance);

        private float[] Float(string tensor) => tensors.Float(Seen(tensor));

        private double[] Double(string tensor) => tensors.Double(Seen(tensor));

        private string Seen(string tensor)
        {
            seen.Add(tensor);
            return tensor;
        }

        private sealed record Stored(BlockFormat Format, byte[] Codes, float[] Scales, byte[] ZeroPoints);
    }
}
