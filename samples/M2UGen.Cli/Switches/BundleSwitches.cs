using System.CommandLine;
using M2UGen.Cli.Display;
using M2UGen.Sdk;
using M2UGen.Sdk.Mini;
using M2UGen.Sdk.Runtime;

namespace M2UGen.Cli.Switches;

/// <summary>Which bundle, on which device, with which output: the switches of every command that runs a model.</summary>
internal sealed class BundleSwitches
{
    private readonly Option<string?> _bundle = new("--bundle", "-b", "--model") { Description = "The bundle directory (made by 'export'). Default: the miniature MusicGen that comes with the program.", HelpName = "directory" };
    private readonly Option<int?> _threads = new("--threads") { Description = "Threads of one operator. Default: one a core.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
    private readonly Option<int?> _cuda = new("--cuda") { Description = "Run on this NVIDIA GPU instead of the processor.", HelpName = "device", CustomParser = NumberParser.Parse<int> };
    private readonly Option<int?> _directml = new("--directml") { Description = "Run on this DirectX 12 GPU (Windows) instead of the processor.", HelpName = "device", CustomParser = NumberParser.Parse<int> };
    private readonly Option<long?> _budget = new("--budget") { Description = "The most memory, such as 4GB or 1500MB: what is not in use is unloaded so that it is kept.", HelpName = "size", CustomParser = ByteSizeParser.Parse };
    private readonly Option<string> _fidelity = new("--fidelity") { Description = "'improved', or 'reference' for the habits of the released programs.", DefaultValueFactory = _ => "improved" };
    private readonly Option<bool> _json = new("--json") { Description = "Write the result, or the error, as one JSON object." };
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Show no progress." };

    /// <summary>Adds the switches to <paramref name="command"/>.</summary>
    /// <param name="command">The command.</param>
    /// <param name="hasBudget">Whether it plans requests, and can keep them below a limit of memory.</param>
    public BundleSwitches(Command command, bool hasBudget = false)
    {
        _fidelity.AcceptOnlyFromAmong("improved", "reference");
        command.Validators.Add(result =>
        {
            if (result.GetResult(_cuda) is not null && result.GetResult(_directml) is not null)
            {
                result.AddError("--cuda and --directml name two places to run on. Give one of them.");
            }
        });
        command.Add(_bundle);
        command.Add(_threads);
        command.Add(_cuda);
        command.Add(_directml);
        if (hasBudget)
        {
            command.Add(_budget);
        }

        command.Add(_fidelity);
        command.Add(_json);
        command.Add(_quiet);
    }

    /// <summary>The terminal as the switches want it.</summary>
    public Terminal Terminal(ParseResult parsed, TextWriter output, TextWriter error) => new(output, error, parsed.GetValue(_json), parsed.GetValue(_quiet));

    /// <summary>The habits asked for.</summary>
    public Fidelity Fidelity(ParseResult parsed) => parsed.GetValue(_fidelity) == "reference" ? M2UGen.Sdk.Fidelity.Reference : M2UGen.Sdk.Fidelity.Improved;

    /// <summary>The limit of memory, in bytes; null: none.</summary>
    public long? Budget(ParseResult parsed) => parsed.GetValue(_budget);

    /// <summary>The bundle directory asked for, or the one that comes with the program.</summary>
    /// <exception cref="ArgumentException">It is a checkpoint, as the reference's --model takes it.</exception>
    public string Locate(ParseResult parsed) => parsed.GetValue(_bundle) switch
    {
        null => MiniModel.BundlePath,
        string path when File.Exists(path) => throw new ArgumentException($"'{path}' is a file, no bundle directory. A checkpoint becomes a bundle once: export --model {path} --output DIRECTORY."),
        string path => path,
    };

    /// <summary>Where the graphs run, for a command that loads them itself.</summary>
    public RuntimeOptions Runtime(ParseResult parsed)
    {
        int threads = parsed.GetValue(_threads) ?? 0;
        return parsed.GetValue(_cuda) is int cuda ? new RuntimeOptions(ExecutionProviderKind.Cuda, cuda, threads)
            : parsed.GetValue(_directml) is int directml ? new RuntimeOptions(ExecutionProviderKind.DirectML, directml, threads)
            : new RuntimeOptions(Threads: threads);
    }

    /// <summary>Loads the bundle.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="display">Shows how far it is.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    /// <param name="options">What the switches do not say; null: the defaults.</param>
    public async Task<M2UGenPipeline> LoadAsync(ParseResult parsed, IStageDisplay display, CancellationToken cancellationToken, PipelineOptions? options = null)
    {
        M2UGenPipelineBuilder builder = M2UGenPipeline.FromBundle(Locate(parsed))
            .WithOptions((options ?? PipelineOptions.Default) with { Threads = parsed.GetValue(_threads), Fidelity = Fidelity(parsed) });
        if (parsed.GetValue(_cuda) is int device)
        {
            builder.UseCuda(device);
        }

        if (parsed.GetValue(_directml) is int adapter)
        {
            builder.UseDirectML(adapter);
        }

        if (Budget(parsed) is { } bytes)
        {
            builder.UseMemoryBudget(bytes);
        }

        return await builder.LoadAsync(display.ForLoading(), cancellationToken);
    }
}
