using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Tests.Quantization;

/// <summary>Runs any component of a bundle once on inputs that follow from their names, the same for every precision.</summary>
internal static class ComponentProbe
{
    private const int Batch = 2;
    private const int Tokens = 5;
    private const int Capacity = 8;

    /// <summary>Loads the graph through the runtime's contract check and runs it.</summary>
    /// <returns>All outputs by name as floats; caches that are written in place among them.</returns>
    public static SortedDictionary<string, float[]> Run(ModelBundle bundle, string component)
    {
        using OnnxModel model = OnnxModel.Load(bundle, component, new RuntimeOptions(Threads: 1));
        using IModelRun run = model.CreateRun();
        List<NativeTensor> tensors = [];
        try
        {
            Dictionary<string, NativeTensor> inPlace = [];
            int total = model.Description.Inputs.Any(input => input.Name == "prefix" && input.Dimensions.Count == 3) ? 2 * Tokens : Tokens;
            foreach (TensorSpec input in model.Description.Inputs)
            {
                NativeTensor tensor = NativeTensor.Allocate(input.Kind, [.. input.Dimensions.Select(dimension => dimension.Symbol is { } symbol ? SizeOf(component, symbol, total) : dimension.Size)]);
                tensors.Add(tensor);
                Fill(input, tensor, total);
                run.BindInput(input.Name, tensor);
                if (input.Name.StartsWith("past_key_values", StringComparison.Ordinal))
                {
                    string present = input.Name.Replace("past_key_values", "present", StringComparison.Ordinal);
                    inPlace.Add(present, tensor);
                    run.BindOutput(present, tensor);
                }
            }

            string[] allocated = [.. model.Description.Outputs.Select(output => output.Name).Where(name => !inPlace.ContainsKey(name))];
            foreach (string output in allocated)
            {
                run.BindOutputToAllocated(output);
            }

            run.Run(CancellationToken.None);
            SortedDictionary<string, float[]> results = new(StringComparer.Ordinal);
            foreach ((string name, NativeTensor tensor) in inPlace)
            {
                results.Add(name, Floats(tensor));
            }

            foreach (string output in allocated)
            {
                using NativeTensor tensor = run.TakeOutput(output);
                results.Add(output, Floats(tensor));
            }

            return results;
        }
        finally
        {
            foreach (NativeTensor tensor in tensors)
            {
                tensor.Dispose();
            }
        }
    }

    private static long SizeOf(string component, string symbol, int total) => symbol switch
    {
        "batch" or "chunks" => Batch,
        "cross_batch" => 1,
        "samples" => component == "unet" ? 1 : 1600,
        "sequence" or "sequence_length" or "tokens" or "prefix" or "t5_tokens" => Tokens,
        "positions" => total,
        "capacity" => Capacity + Tokens,
        "context" or "clap_tokens" => 1,
        "text" or "prompt" or "generated" => 4,
        "frames" => 12,
        "height" => 8,
        "width" => 4,
        "steps" => 3,
        _ => throw new ArgumentException($"No test has a size for '{symbol}'."),
    };

    private static void Fill(TensorSpec input, NativeTensor tensor, int total)
    {
        switch (input.Kind)
        {
            case TensorElementKind.Float:
                Numbers(input, (int)tensor.ElementCount).CopyTo(tensor.AsSpan<float>());
                break;
            case TensorElementKind.Float16:
                Array.ConvertAll(Numbers(input, (int)tensor.ElementCount), number => (Half)number).CopyTo(tensor.AsSpan<Half>());
                break;
            case TensorElementKind.Int32:
                tensor.AsSpan<int>().Fill(input.Name == "seqlens_k" ? total - 1 : total);
                break;
            case TensorElementKind.Int64:
                Span<long> integers = tensor.AsSpan<long>();
                for (int i = 0; i < integers.Length; i++)
                {
                    integers[i] = Integer(input.Name, i, integers.Length);
                }

                break;
        }
    }

    private static long Integer(string name, int i, int count) => name switch
    {
        "position_ids" => i % Tokens,
        "drop_left" or "drop_right" => 0,

        // One key of the last row is hidden, which is not its only one.
        _ when name.EndsWith("attention_mask", StringComparison.Ordinal) => i == count - 2 ? 0 : 1,
        _ => 2 + (i * 7 % 11),
    };

    private static float[] Numbers(TensorSpec input, int count)
    {
        if (input.Name.StartsWith("past_key_values", StringComparison.Ordinal))
        {
            return new float[count];
        }

        float[] numbers = Tests.Numbers.Make(count, input.Name.Length + input.Dimensions.Count);
        switch (input.Name)
        {
            case "cross_attention_bias":
                numbers.AsSpan().Clear();
                numbers[^1] = -1e9f;
                break;
            case "timesteps":
                numbers = [981, 500, 1];
                break;
        }

        return numbers;
    }

    private static float[] Floats(NativeTensor tensor) => tensor.Kind switch
    {
        TensorElementKind.Float16 => Array.ConvertAll(tensor.AsSpan<Half>().ToArray(), half => (float)half),
        TensorElementKind.Int64 => Array.ConvertAll(tensor.AsSpan<long>().ToArray(), number => (float)number),
        _ => tensor.AsSpan<float>().ToArray(),
    };
}
