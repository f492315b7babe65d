using System.Text.Json.Nodes;
using M2UGen.Cli.Bench.Timing;
using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Cli.Bench;

/// <summary>One evaluation of the UNet: what it computes, how fast, beside matrix products of the same run, and where its time goes.</summary>
internal static class UNetStepBench
{
    // The last convolution writes the graph's output, after which the runtime may name it.
    private const string OutputName = "out_sample";
    private const string LastBlock = "conv_out";

    /// <summary>Measures the bundle's graph with made-up numbers in the sizes of a request.</summary>
    /// <param name="bundle">Has component <c>unet</c>.</param>
    /// <param name="runtime">Where it runs.</param>
    /// <param name="sizes">samples, batch, height, width, and what the conditions have of generated and prompt.</param>
    /// <param name="runs">Evaluations that count.</param>
    /// <param name="cancellationToken">Stops between two.</param>
    public static JsonObject Run(ModelBundle bundle, RuntimeOptions runtime, IReadOnlyDictionary<string, long> sizes, int runs, CancellationToken cancellationToken)
    {
        // The profile is a file that the runtime names; the folder takes it away.
        DirectoryInfo folder = Directory.CreateTempSubdirectory("m2ugen-bench-");
        try
        {
            UNetCost? cost = UNetCost.From(bundle);
            long done = Count(cost, sizes, Size(sizes, "samples"));
            using TimedSession gemm = TimedSession.OpenGemm(folder.FullName, runtime);
            using TimedSession step = new(bundle.PathOf(bundle.Component(UNet.Component).Graph), runtime, sizes, Path.Combine(folder.FullName, "profile")) { MultiplyAdds = done };
            IReadOnlyList<(RunTimes Wall, RunTimes Processor)> times = RunTimes.Interleave([gemm, step], runs, cancellationToken);
            RunTimes products = times[0].Wall;
            RunTimes steps = times[1].Wall;
            NodeTimes nodes = step.EndProfile();
            JsonObject result = new()
            {
                ["precision"] = bundle.Component(UNet.Component).Precision,
                ["rows"] = Size(sizes, "batch"),
                ["latent_height"] = Size(sizes, "height"),
                ["latent_width"] = Size(sizes, "width"),
                ["prompt_states"] = Size(sizes, "prompt"),
                ["steps_per_second"] = 1 / steps.Median,
                ["steps_per_second_of_fastest"] = 1 / steps.Least,
                ["gemm_gflops"] = products.MedianGflops,
                ["gemm_gflops_of_fastest"] = products.LeastGflops,
            };
            if (cost is not null)
            {
                result["gflop"] = 2e-9 * done;
                result["gflop_without_sharing"] = 2e-9 * Count(cost, sizes, Size(sizes, "batch"));
                result["gflops"] = steps.MedianGflops;
                result["ratio_to_gemm"] = steps.MedianGflops / products.MedianGflops;
                result["ratio_to_gemm_of_fastest"] = steps.LeastGflops / products.LeastGflops;
                result["ratio_to_gemm_of_fastest_nodes"] = 2e-9 * done / nodes.Seconds / products.LeastGflops;
            }

            result["share_of_blocks"] = Shares(nodes.ByBlock());
            result["share_of_operators"] = Shares(nodes.ByGroup());
            return result;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static long Count(UNetCost? cost, IReadOnlyDictionary<string, long> sizes, int samples)
        => cost?.MultiplyAdds(samples, Size(sizes, "batch"), Size(sizes, "height"), Size(sizes, "width"), Size(sizes, "generated"), Size(sizes, "prompt")) ?? 0;

    private static int Size(IReadOnlyDictionary<string, long> sizes, string name) => (int)sizes.GetValueOrDefault(name);

    private static JsonObject Shares(IEnumerable<NodeShare> shares)
    {
        JsonObject result = [];
        foreach (NodeShare share in shares)
        {
            result[share.Name == OutputName ? LastBlock : share.Name] = share.Share;
        }

        return result;
    }
}
