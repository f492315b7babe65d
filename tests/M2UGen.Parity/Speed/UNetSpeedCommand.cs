using System.CommandLine;
using System.Globalization;
using M2UGen.Cli.Bench.Timing;
using M2UGen.Export;
using M2UGen.Export.Architectures.AudioLdm2;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Parity.Speed;

/// <summary>The command <c>unet-speed</c>: one evaluation of a UNet with made-up weights, beside the matrix products of the same run.</summary>
internal static class UNetSpeedCommand
{
    // What GPT-2 makes of a caption.
    private const int Vectors = 8;

    /// <summary>Adds the command.</summary>
    public static Command Create()
    {
        Option<string?> config = new("--config") { Description = "A UNet's config.json. Default: the published AudioLDM2-music." };
        Option<double> seconds = new("--seconds") { Description = "Length of the music.", DefaultValueFactory = _ => 10 };
        Option<int> width = new("--width") { Description = "Columns of the latents.", DefaultValueFactory = _ => 16 };
        Option<int> prompt = new("--prompt") { Description = "T5's states.", DefaultValueFactory = _ => 40 };
        Option<int> threads = new("--threads") { Description = "Threads of one operator. Default: one a core." };
        Option<string?> precision = new("--precision") { Description = "Also time the graph with its matrices stored so, in turn with the other: int8, int4." };
        Option<int> block = new("--block-size") { Description = "Weights that share a scale: 32, 64 or 128.", DefaultValueFactory = _ => 128 };
        Option<int> runs = new("--runs") { Description = "Evaluations to time.", DefaultValueFactory = _ => 5 };
        Option<bool> profile = new("--profile") { Description = "Also print what each operator and each block took." };
        Command command = new("unet-speed", "Times one evaluation of a UNet with made-up weights, guidance on, against the matrix products of the same run.") { config, seconds, width, prompt, threads, precision, block, runs, profile };
        command.SetAction((result, cancellationToken) => Task.Run(
            () => Run(
                result.GetValue(config),
                result.GetValue(precision),
                result.GetValue(block),
                new Dictionary<string, long>
                {
                    ["samples"] = 1,
                    ["batch"] = 2,
                    ["height"] = LatentHeight(result.GetValue(seconds)),
                    ["width"] = result.GetValue(width),
                    ["generated"] = Vectors,
                    ["prompt"] = result.GetValue(prompt),
                },
                new RuntimeOptions(Threads: result.GetValue(threads)),
                Math.Max(result.GetValue(runs), 1),
                result.GetValue(profile),
                cancellationToken),
            cancellationToken));
        return command;
    }

    /// <summary>Frames of 10 ms, four to a row.</summary>
    private static int LatentHeight(double seconds) => Math.Max(1, (int)Math.Ceiling(seconds * 25));

    private static int Run(string? config, string? precision, int blockSize, IReadOnlyDictionary<string, long> sizes, RuntimeOptions runtime, int runs, bool profile, CancellationToken cancellationToken)
    {
        // Also the profile goes here, and goes away with it.
        string folder = Directory.CreateTempSubdirectory("m2ugen-speed-").FullName;
        try
        {
            // The weights are made up behind the exporter's back, so there are no scales to search.
            PrecisionPolicy? stored = precision is null ? null : PrecisionPolicy.Parse($"{UNetGraph.Component}={precision}") with { BlockSize = blockSize, SearchesScales = false };
            stored?.Check();
            SyntheticUNet unet = SyntheticUNet.Write(config, Path.Combine(folder, "float32"), PrecisionPolicy.Float32);
            long done = Count(1);
            using TimedSession gemm = TimedSession.OpenGemm(folder, runtime);
            using TimedSession step = Open(unet);
            using TimedSession? other = stored is null ? null : Open(SyntheticUNet.Write(config, Path.Combine(folder, precision!), stored));
            List<(string Name, TimedSession Session)> measured = [("float32", step)];
            if (other is not null)
            {
                measured.Add((precision!, other));
            }

            IReadOnlyList<(RunTimes Wall, RunTimes Processor)> times = RunTimes.Interleave([gemm, .. measured.Select(one => one.Session)], runs, cancellationToken);
            Print($"one evaluation: latents [1 of 2, …, {sizes["height"]}, {sizes["width"]}], {sizes["prompt"]} states, {OnnxRuntimeHost.ThreadsOf(runtime)} threads: {2e-9 * done:f1} GFLOP done ({2e-9 * Count(2):f1} without sharing the beginning between the two rows)");
            for (int i = 0; i < measured.Count; i++)
            {
                Report($"{measured[i].Name}, wall time", times[0].Wall, times[i + 1].Wall);
                Report($"{measured[i].Name}, processor time", times[0].Processor, times[i + 1].Processor);
                if (profile)
                {
                    NodeTimes nodes = measured[i].Session.EndProfile();
                    Print($"{measured[i].Name}, every node at its fastest: {nodes.Seconds * 1000:f0} ms ({2e-9 * done / nodes.Seconds:f0} of {times[0].Wall.LeastGflops:f0} GFLOP/s, {2e-9 * done / nodes.Seconds / times[0].Wall.LeastGflops:p0})");
                    PrintShares("operator", nodes.ByOperator());
                    PrintShares("block", nodes.ByPart());
                }
            }

            return 0;

            TimedSession Open(SyntheticUNet one) => new(one.GraphPath, runtime, sizes, profile ? Path.Combine(folder, "profile") : null) { MultiplyAdds = done };

            long Count(int samples) => unet.Cost.MultiplyAdds(samples, (int)sizes["batch"], (int)sizes["height"], (int)sizes["width"], (int)sizes["generated"], (int)sizes["prompt"]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Report(string what, RunTimes products, RunTimes steps) => Print(
        $"{what}: median {steps.Median * 1000:f0} ms ({steps.MedianGflops:f0} of {products.MedianGflops:f0} GFLOP/s, {steps.MedianGflops / products.MedianGflops:p0}), least {steps.Least * 1000:f0} ms ({steps.LeastGflops:f0} of {products.LeastGflops:f0}, {steps.LeastGflops / products.LeastGflops:p0})");

    private static void PrintShares(string what, IEnumerable<NodeShare> shares)
    {
        foreach (NodeShare share in shares)
        {
            Print($"  {what,-8} {share.Name,-32} {share.Seconds * 1000,9:f1} ms {share.Share,7:p1}  {share.Nodes} nodes");
        }
    }

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
