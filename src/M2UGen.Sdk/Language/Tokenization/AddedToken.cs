using System.Text.Json;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>A token that is cut out of the text before the vocabulary sees it, with the flags of the tokenizer files.</summary>
/// <param name="Content">The literal text.</param>
/// <param name="Id">The token id, or -1 while none is given.</param>
internal sealed record AddedToken(string Content, int Id)
{
    /// <summary>Only counts where no word character touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Swallows the white space before it.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>Swallows the white space behind it.</summary>
    public bool RightStrip { get; init; }

    /// <summary>Is looked for in the normalised text.</summary>
    public bool Normalized { get; init; }

    /// <summary>Is left out when special tokens are skipped.</summary>
    public bool Special { get; init; }

    /// <summary>
    /// Reads a token from the forms that tokenizer files use: a string, or an object with <c>content</c> and flags. Null for JSON null.
    /// </summary>
    /// <exception cref="ModelBundleException">The value has another form.</exception>
    public static AddedToken? Read(JsonElement value, string name, string path, int id, bool special)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.String:
                return new AddedToken(TokenizerFiles.String(value, name, path), id) { Special = special, Normalized = !special };
            case JsonValueKind.Object when TokenizerFiles.Text(value, "content", path) is { } content:
                bool isSpecial = TokenizerFiles.Boolean(value, "special", path) ?? special;
                return new AddedToken(content, TokenizerFiles.Integer(value, "id", path) ?? id)
                {
                    SingleWord = TokenizerFiles.Boolean(value, "single_word", path) ?? false,
                    LeftStrip = TokenizerFiles.Boolean(value, "lstrip", path) ?? false,
                    RightStrip = TokenizerFiles.Boolean(value, "rstrip", path) ?? false,
                    Normalized = TokenizerFiles.Boolean(value, "normalized", path) ?? !isSpecial,
                    Special = isSpecial,
                };
            default:
                throw TokenizerFiles.Wrong(path, name, "a token (a string, or an object with 'content')", value);
        }
    }
}
