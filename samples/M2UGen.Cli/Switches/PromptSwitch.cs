using System.CommandLine;
using System.CommandLine.Parsing;

namespace M2UGen.Cli.Switches;

/// <summary>The words of a request: an argument, or <c>--prompt</c> as the reference's inference.py names it.</summary>
internal sealed class PromptSwitch
{
    private readonly Argument<string[]> _argument;
    private readonly Option<string?> _option = new("--prompt") { Description = "The same as the argument, by the name that the reference's inference.py gives it.", HelpName = "text" };

    /// <summary>Adds both to <paramref name="command"/>.</summary>
    /// <param name="command">The command.</param>
    /// <param name="name">The argument's name.</param>
    /// <param name="description">What it says.</param>
    /// <param name="required">Whether there must be one of them.</param>
    /// <param name="several">Whether there may be several arguments.</param>
    public PromptSwitch(Command command, string name, string description, bool required, bool several = false)
    {
        _argument = new Argument<string[]>(name) { Description = description, Arity = ArgumentArity.ZeroOrMore };
        command.Add(_argument);
        command.Add(_option);
        command.Validators.Add(result =>
        {
            int words = result.GetResult(_argument)?.Tokens.Count ?? 0;
            bool argument = words > 0;
            bool option = result.GetResult(_option) is not null;
            if (argument && option)
            {
                result.AddError($"Give the {name} once: as an argument or with --prompt.");
            }
            else if (words > 1 && !several)
            {
                result.AddError($"The {name} is one argument, here are {words}: put it in quotes.");
            }
            else if (required && !argument && !option)
            {
                result.AddError($"The {name} is missing.");
            }
        });
    }

    /// <summary>The words; empty where none were given.</summary>
    public string Read(ParseResult parsed) => ReadAll(parsed)[0];

    /// <summary>The words of every request; one that is empty where none were given.</summary>
    public IReadOnlyList<string> ReadAll(ParseResult parsed) => parsed.GetValue(_argument) is { Length: > 0 } given ? given : [parsed.GetValue(_option) ?? ""];

    /// <summary>A word that was meant as a switch: an argument that takes any words takes a mistyped switch for one of them, and its value for another. Behind '--' everything is words.</summary>
    /// <returns>Null where there is none.</returns>
    public static string? MistypedSwitch(ParseResult parsed)
    {
        HashSet<Token> words = [.. parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens)];
        return parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).FirstOrDefault(token => words.Contains(token) && LooksLikeSwitch(token.Value))?.Value;
    }

    private static bool LooksLikeSwitch(string word) => word.StartsWith('-') && word.TrimStart('-') is [char first, ..] && char.IsAsciiLetter(first) && !word.Any(char.IsWhiteSpace);
}
