using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Comparison;

/// <summary>What to compare two bundles over.</summary>
internal sealed record ComparisonOptions
{
    /// <summary>Instructions for the language model, and captions for a MusicGen.</summary>
    /// <value>Default: three of each kind of request.</value>
    public IReadOnlyList<string> Prompts { get; init; } =
    [
        "Describe the music in detail including details such as instruments used, tempo and mood of the song",
        "Generate a calm piano piece with soft strings, slow and in a minor key.",
        "Which instruments play a waltz?",
    ];

    /// <summary>Tokens of an answer.</summary>
    /// <value>Default: 32.</value>
    public int Tokens { get; init; } = 32;

    /// <summary>Decoder steps of a piece of music; 50 are a second.</summary>
    /// <value>Default: 50.</value>
    public int Steps { get; init; } = 50;

    /// <summary>Start of the random sequences.</summary>
    /// <value>Default: 0.</value>
    public ulong Seed { get; init; }

    /// <summary>Threads of one operator; 0: one a core.</summary>
    /// <value>Default: 0.</value>
    public int Threads { get; init; }
}

/// <summary>The error of a bundle against another export of the same checkpoint, usually the one in float32.</summary>
internal sealed record BundleComparison
{
    /// <summary>Components of both, with their precisions and sizes.</summary>
    public required IReadOnlyList<ComparedComponent> Components { get; init; }

    /// <summary>The language models; null where a bundle has none.</summary>
    public LanguageComparison? Language { get; init; }

    /// <summary>The MusicGens; null where a bundle has none.</summary>
    public MusicComparison? Music { get; init; }

    /// <summary>Compares two bundles.</summary>
    /// <param name="reference">Directory of the one that is right.</param>
    /// <param name="other">Directory of the one that is judged.</param>
    /// <param name="options">What over.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="Sdk.ModelBundleException">A bundle cannot be opened.</exception>
    /// <exception cref="ExportException">The two have nothing to compare.</exception>
    public static BundleComparison Run(string reference, string other, ComparisonOptions options, CancellationToken cancellationToken)
    {
        using ComparedBundle first = new(reference, options.Threads);
        using ComparedBundle second = new(other, options.Threads);
        bool hasLanguage = first.Language is not null && second.Language is not null;
        bool hasMusic = first.Music is not null && second.Music is not null;
        if (!hasLanguage && !hasMusic)
        {
            throw new ExportException(other, $"'{reference}' ({first.Bundle.Manifest.Family}) and '{other}' ({second.Bundle.Manifest.Family}) have neither a language model nor a MusicGen in common.");
        }

        return new BundleComparison
        {
            Components = [.. first.Bundle.Manifest.Components
                .Where(component => second.Bundle.Manifest.Components.ContainsKey(component.Key))
                .Select(component => new ComparedComponent(component.Key, component.Value.Precision, SizeOf(component.Value), second.Bundle.Component(component.Key).Precision, SizeOf(second.Bundle.Component(component.Key))))],
            Language = hasLanguage ? LanguageComparison.Run(first, second, options.Prompts, options.Tokens, cancellationToken) : null,
            Music = hasMusic ? MusicComparison.Run(first, second, options.Prompts, options.Steps, options.Seed, cancellationToken) : null,
        };
    }

    private static long SizeOf(BundleComponent component) => component.Files.Sum(file => file.Size);
}

/// <summary>A component that both bundles have.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ReferencePrecision">How the reference stores it.</param>
/// <param name="ReferenceBytes">Size of its files there.</param>
/// <param name="Precision">How the other stores it.</param>
/// <param name="Bytes">Size of its files there.</param>
internal sealed record ComparedComponent(string Name, string ReferencePrecision, long ReferenceBytes, string Precision, long Bytes);
