using System.Diagnostics;
using M2UGen.Testing;

namespace M2UGen.TinyModel.Tests.Samples;

/// <summary>One run of a sample program, in a process of its own as a user starts it.</summary>
internal sealed record SampleRun(int Code, string Output, string Error)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Runs a sample in <paramref name="folder"/>.</summary>
    public static async Task<SampleRun> OfAsync(string sample, string folder, string input, params string[] arguments)
    {
        // The tests' own output folder ends in configuration and framework, and so does the sample's.
        DirectoryInfo own = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string program = Path.Combine(Repository.Root, "samples", sample, "bin", own.Parent!.Name, own.Name, $"{sample}.dll");
        ProcessStartInfo start = new(Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet")
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(program);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        using CancellationTokenSource timeout = new(Patience);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(timeout.Token);
            await process.StandardInput.WriteAsync(input.AsMemory(), timeout.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(timeout.Token);
            return new SampleRun(process.ExitCode, (await output).ReplaceLineEndings("\n").Trim(), (await error).ReplaceLineEndings("\n").Trim());
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
