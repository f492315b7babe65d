namespace M2UGen.Sdk;

/// <summary>How the language model chooses its tokens. Immutable; derive a variant by <c>with</c>.</summary>
/// <remarks>
/// Values are checked when a request starts, all of them together, before any work. Filters apply in the order temperature, top-k, top-p, min-p, typical-p; the
/// top-p rule is the reference's sample_top_p (llama/utils.py): a token stays while the probability mass before it is at most <see cref="TopP"/>.
/// </remarks>
public sealed record GenerationOptions
{
    /// <summary>The default options: temperature 0.6 and top-p 0.8, as the reference's demo programs set them.</summary>
    public static GenerationOptions Default { get; } = new();

    /// <summary>Always the most probable token: the same answer on every run, whatever the seed.</summary>
    public static GenerationOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>The most tokens an answer may have; it ends earlier at a stop rule or where prompt and answer fill the model's context.</summary>
    /// <value>512, as the reference's demo programs. Allowed: 1 to 1,000,000.</value>
    public int MaxNewTokens { get; init; } = 512;

    /// <summary>Divides the logits before sampling: below 1 is more certain, above 1 more varied, 0 is greedy.</summary>
    /// <value>0.6. Allowed: 0 to 100.</value>
    public double Temperature { get; init; } = 0.6;

    /// <summary>Nucleus sampling: the probability mass before a kept token is at most this. 1 switches it off.</summary>
    /// <value>0.8. Allowed: 0 to 1.</value>
    public double TopP { get; init; } = 0.8;

    /// <summary>Only this many of the most probable tokens stay (ties with the last one too).</summary>
    /// <value>Null: all of them. Allowed: 1 and more.</value>
    public int? TopK { get; init; }

    /// <summary>Tokens below this fraction of the most probable token's probability are dropped.</summary>
    /// <value>Null: none. Allowed: 0 to 1.</value>
    public double? MinP { get; init; }

    /// <summary>Locally typical sampling: tokens nearest to the distribution's entropy, up to this mass.</summary>
    /// <value>Null: off. Allowed: above 0, to 1.</value>
    public double? TypicalP { get; init; }

    /// <summary>Start of the random sequence: the same bundle, request, seed, machine and number of threads give the same tokens.</summary>
    /// <value>Null: the seed of <see cref="MusicOptions"/> if that has one, else a fresh random seed, which the result reports.</value>
    public ulong? Seed { get; init; }

    internal void Check(OptionsCheck check)
    {
        const string Owner = nameof(GenerationOptions);
        check.Range(Owner, nameof(MaxNewTokens), MaxNewTokens, 1, 1_000_000);
        check.Range(Owner, nameof(Temperature), Temperature, 0, 100);
        check.Range(Owner, nameof(TopP), TopP, 0, 1);
        check.AtLeast(Owner, nameof(TopK), TopK, 1);
        check.Range(Owner, nameof(MinP), MinP, 0, 1);
        check.AboveZeroTo(Owner, nameof(TypicalP), TypicalP, 1);
    }
}
