using System.CommandLine;
using M2UGen.Sdk;

namespace M2UGen.Cli.Switches;

/// <summary>How the language model chooses its words.</summary>
internal sealed class AnswerSwitches
{
    private readonly Option<int?> _maxTokens;
    private readonly Option<double?> _temperature;
    private readonly Option<double?> _topP;
    private readonly Option<int?> _topK;
    private readonly Option<ulong?> _seed = new("--seed") { Description = "The same seed gives the same result. Default: a new one each time.", HelpName = "number", CustomParser = NumberParser.Parse<ulong> };

    /// <summary>Adds the switches to <paramref name="command"/>.</summary>
    /// <param name="command">The command.</param>
    /// <param name="prefix">Put before the names where the plain ones mean the music, such as "answer-".</param>
    public AnswerSwitches(Command command, string prefix = "")
    {
        GenerationOptions defaults = GenerationOptions.Default;
        _maxTokens = new($"--{prefix}max-tokens") { Description = $"The most tokens of an answer. Default: {defaults.MaxNewTokens}.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
        _temperature = new($"--{prefix}temperature") { Description = FormattableString.Invariant($"Below 1 surer, above 1 more varied, 0 always the likeliest word. Default: {defaults.Temperature}."), HelpName = "number", CustomParser = NumberParser.Parse<double> };
        _topP = new($"--{prefix}top-p") { Description = FormattableString.Invariant($"Only the likeliest words up to this mass. Default: {defaults.TopP}."), HelpName = "number", CustomParser = NumberParser.Parse<double> };
        _topK = new($"--{prefix}top-k") { Description = "Only this many of the likeliest words. Default: all.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
        command.Add(_maxTokens);
        command.Add(_temperature);
        command.Add(_topP);
        command.Add(_topK);
        if (prefix.Length == 0)
        {
            command.Add(_seed);
        }
    }

    /// <summary>The options asked for.</summary>
    public GenerationOptions Read(ParseResult parsed)
    {
        GenerationOptions defaults = GenerationOptions.Default;
        return defaults with
        {
            MaxNewTokens = parsed.GetValue(_maxTokens) ?? defaults.MaxNewTokens,
            Temperature = parsed.GetValue(_temperature) ?? defaults.Temperature,
            TopP = parsed.GetValue(_topP) ?? defaults.TopP,
            TopK = parsed.GetValue(_topK) ?? defaults.TopK,

            // Without a switch of its own, an answer takes the seed of the music.
            Seed = parsed.GetResult(_seed) is null ? null : parsed.GetValue(_seed),
        };
    }
}
