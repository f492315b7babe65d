using System.CommandLine;

namespace M2UGen.Cli.Switches;

/// <summary>The words of a request: an argument, or <c>--prompt</c> as the reference's inference.py names it.</summary>
internal sealed class PromptSwitch
{
    private readonly Argument<string?> _argument;
    private readonly Option<string?> _option = new("--prompt") { Description = "The same as the argument, by the name that the reference's inference.py gives it.", HelpName = "text" };

    /// <summary>Adds both to <paramref name="command"/>.</summary>
    /// <param name="command">The command.</param>
    /// <param name="name">The argument's name.</param>
    /// <param name="description">What it says.</param>
    /// <param name="required">Whether there must be one of them.</param>
    public PromptSwitch(Command command, string name, string description, bool required)
    {
        _argument = new Argument<string?>(name) { Description = description, Arity = ArgumentArity.ZeroOrOne };
        command.Add(_argument);
        command.Add(_option);
        command.Validators.Add(result =>
        {
            bool argument = result.GetResult(_argument) is { Tokens.Count: > 0 };
            bool option = result.GetResult(_option) is not null;
            if (argument && option)
            {
                result.AddError($"Give the {name} once: as an argument or with --prompt.");
            }
            else if (required && !argument && !option)
            {
                result.AddError($"The {name} is missing.");
            }
        });
    }

    /// <summary>The words; empty where none were given.</summary>
    public string Read(ParseResult parsed) => parsed.GetValue(_argument) ?? parsed.GetValue(_option) ?? "";
}
