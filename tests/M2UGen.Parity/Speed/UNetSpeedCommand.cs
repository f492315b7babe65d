using System.CommandLine;
using System.Globalization;

namespace M2UGen.Parity.Speed;

/// <summary>The command <c>unet-speed</c>: one evaluation of a UNet with made-up weights, beside the matrix products of the same run.</summary>
internal static class UNetSpeedCommand
{
    /// <summary>Adds the command.</summary>
    public static Command Create()
    {
        Option<string?> config = new("--config") { Description = "A UNet's config.json. Default: the published AudioLDM2-music." };
        Option<double> seconds = new("--seconds") { Description = "Length of the music.", DefaultValueFactory = _ => 10 };
        Option<int> width = new("--width") { Description = "Columns of the latents.", DefaultValueFactory = _ => 16 };
        Option<int> prompt = new("--prompt") { Description = "T5's states.", DefaultValueFactory = _ => 40 };
        Option<int> threads = new("--threads") { Description = "Threads of one operator.", DefaultValueFactory = _ => Environment.ProcessorCount };
        Option<int> runs = new("--runs") { Description = "Evaluations to time.", DefaultValueFactory = _ => 5 };
        Option<bool> profile = new("--profile") { Description = "Also print what each operator and each block took." };
        Command command = new("unet-speed", "Times one evaluation of a UNet with made-up weights, guidance on, against the matrix products of the same run.") { config, seconds, width, prompt, threads, runs, profile };
        command.SetAction(result => Run(
            result.GetValue(config),
            LatentHeight(result.GetValue(seconds)),
            result.GetValue(width),
            result.GetValue(prompt),
            result.GetValue(threads),
            Math.Max(result.GetValue(runs), 1),
            result.GetValue(profile)));
        return command;
    }

    /// <summary>Frames of 10 ms, four to a row.</summary>
    private static int LatentHeight(double seconds) => Math.Max(1, (int)Math.Ceiling(seconds * 25));

    private static int Run(string? config, int height, int width, int prompt, int threads, int runs, bool profile)
    {
        const int Vectors = 8;
        string folder = Directory.CreateTempSubdirectory("m2ugen-speed-").FullName;
        try
        {
            SyntheticUNet unet = SyntheticUNet.Write(config, folder);
            Dictionary<string, long> sizes = new() { ["samples"] = 1, ["batch"] = 2, ["height"] = height, ["width"] = width, ["generated"] = Vectors, ["prompt"] = prompt };
            using TimedSession gemm = TimedSession.OpenGemm(folder, threads);
            using TimedSession step = new(unet.GraphPath, threads, sizes, profile ? Path.Combine(folder, "profile") : null);
            List<(double Seconds, double ProcessorSeconds)> products = [];
            List<(double Seconds, double ProcessorSeconds)> steps = [];
            gemm.Run();
            step.Run();
            for (int i = 0; i < runs; i++)
            {
                // Products before and after every step: what else the machine does at the time slows both.
                products.Add(gemm.Run());
                steps.Add(step.Run());
                products.Add(gemm.Run());
            }

            long done = unet.Cost.MultiplyAdds(1, 2, height, width, Vectors, prompt);
            long reference = unet.Cost.MultiplyAdds(2, 2, height, width, Vectors, prompt);
            Print($"one evaluation: latents [1 of 2, …, {height}, {width}], {prompt} states, {threads} threads: {2e-9 * done:f1} GFLOP done ({2e-9 * reference:f1} without sharing the beginning between the two rows)");
            Report("wall time     ", products.Select(time => time.Seconds), steps.Select(time => time.Seconds), done);
            Report("processor time", products.Select(time => time.ProcessorSeconds), steps.Select(time => time.ProcessorSeconds), done);
            if (profile)
            {
                foreach (string line in new NodeTimes(step.EndProfile()).Lines())
                {
                    Console.WriteLine(line);
                }
            }

            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Medians, and the least of each, which is what a quiet machine would give.</summary>
    private static void Report(string what, IEnumerable<double> products, IEnumerable<double> steps, long multiplyAdds)
    {
        double[] product = [.. products.Order()];
        double[] step = [.. steps.Order()];
        Print($"{what}: median {step[step.Length / 2] * 1000:f0} ms ({Rate(multiplyAdds, step[step.Length / 2]):f0} of {Rate(TimedSession.GemmMultiplyAdds, product[product.Length / 2]):f0} GFLOP/s, {Ratio(step[step.Length / 2], product[product.Length / 2]):p0}), least {step[0] * 1000:f0} ms ({Rate(multiplyAdds, step[0]):f0} of {Rate(TimedSession.GemmMultiplyAdds, product[0]):f0}, {Ratio(step[0], product[0]):p0})");

        double Ratio(double stepTime, double productTime) => Rate(multiplyAdds, stepTime) / Rate(TimedSession.GemmMultiplyAdds, productTime);

        static double Rate(long count, double time) => 2e-9 * count / time;
    }

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
