using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Music.AudioLdm2;

/// <summary>Captions to what the UNet listens to: CLAP and T5, the projection of both, GPT-2 (arXiv:2308.05734; diffusers, encode_prompt). Thread-safe.</summary>
/// <remarks>
/// <code>
/// caption ─┬─ CLAP ─┐
///          └─ T5 ─┬─┴─ projection ── GPT-2 ── generated
///                 └── prompt
/// </code>
/// Nothing is computed for padding: T5 hides it from its own positions, GPT-2 and the UNet have it masked. What it does change is the position at which GPT-2 sees
/// T5's end vector and all that follows, so that position is given.
/// </remarks>
/// <param name="clap">CLAP's text tower.</param>
/// <param name="t5">T5.</param>
/// <param name="projection">The projection model.</param>
/// <param name="language">GPT-2.</param>
internal sealed class AudioLdm2TextEncoder(ClapTextEncoder clap, T5TextEncoder t5, ProjectionModel projection, Gpt2LanguageModel language) : ICaptionEncoder
{
    /// <summary>The name of T5's tokenizer in a bundle.</summary>
    public const string T5Tokenizer = "t5";

    /// <summary>CLAP's text tower, which ranking uses too.</summary>
    public ClapTextEncoder Clap => clap;

    /// <summary>Tokens of a caption that T5 reads at most.</summary>
    public int MaxTokens => t5.MaxTokens;

    /// <inheritdoc/>
    public IReadOnlyList<string> Components => [ClapTextEncoder.Component, MusicGenConfig.TextComponent, ProjectionModel.Component, Gpt2LanguageModel.Component];

    /// <inheritdoc/>
    public int PromptWidth => projection.Config.T5Width;

    /// <inheritdoc/>
    public int GeneratedWidth => language.Config.HiddenSize;

    /// <inheritdoc/>
    public int Vectors => language.Config.NewTokens;

    /// <summary>Reads what is small; graphs load at their first use.</summary>
    /// <param name="bundle">The bundle, with the tokenizers <c>roberta</c> and <c>t5</c>.</param>
    /// <param name="models">Its components.</param>
    /// <param name="maxTokens">Tokens that T5 reads at most: what captions are padded to (<see cref="AudioLdm2Config.CaptionTokens"/>).</param>
    /// <exception cref="M2UGenException">A tokenizer or a number is missing, or parts do not fit together.</exception>
    public static AudioLdm2TextEncoder Open(ModelBundle bundle, ModelSet models, int maxTokens)
    {
        ClapTextEncoder clap = ClapTextEncoder.Open(bundle, models);
        T5TextTokenizer tokenizer = T5TextTokenizer.Load(bundle.TokenizerFolder(T5Tokenizer));
        T5TextConfig text = T5TextConfig.From(bundle);
        ProjectionConfig projection = ProjectionConfig.From(bundle);
        Gpt2Config language = Gpt2Config.From(bundle);
        if (projection.ClapWidth != clap.Config.Width || projection.T5Width != text.Width || projection.Width != language.HiddenSize)
        {
            throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}': the projection model takes {projection.ClapWidth} and {projection.T5Width} values and gives {projection.Width}; CLAP gives {clap.Config.Width}, T5 {text.Width}, and GPT-2 takes {language.HiddenSize}. Export the bundle again from one directory.");
        }

        int needed = ProjectionModel.RowsBefore + maxTokens + language.NewTokens;
        if (needed > language.MaxPositions)
        {
            throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}': captions of {maxTokens} tokens and what GPT-2 adds need {needed} positions; it has {language.MaxPositions}. Export the bundle again from one directory.");
        }

        return new AudioLdm2TextEncoder(
            clap,
            new T5TextEncoder(models, text with { MaxTokens = maxTokens }, tokenizer.Encode),
            new ProjectionModel(models, projection),
            new Gpt2LanguageModel(models, language));
    }

    /// <inheritdoc/>
    public int CountTokens(string caption) => t5.Tokenize(caption, null).Ids.Length;

    /// <inheritdoc/>
    /// <remarks>The states are those of the caption's own tokens, so there may be fewer than <paramref name="paddedLength"/>; what differs with it is GPT-2's vectors.</remarks>
    public CaptionStates Encode(string caption, int paddedLength, CancellationToken cancellationToken) => Encode(caption, paddedLength, computePadding: false, cancellationToken);

    /// <summary>Encodes a caption.</summary>
    /// <param name="caption">Any text, the empty one too; cut at the tokenizers' limits.</param>
    /// <param name="paddedLength">T5 positions that GPT-2 counts; the caption's own are the least.</param>
    /// <param name="computePadding">Whether rows of padding up to <paramref name="paddedLength"/> are computed and kept: their values are part of what a projector is trained on.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public CaptionStates Encode(string caption, int paddedLength, bool computePadding, CancellationToken cancellationToken)
    {
        float[] heard = clap.Encode(caption, cancellationToken);
        int own = CountTokens(caption);
        int counted = Math.Max(own, paddedLength);
        ConditioningRows states = t5.Encode(caption, computePadding ? counted : own, cancellationToken);
        ConditioningRows rows = projection.Project(heard, states, cancellationToken);
        float[] generated = language.Generate(rows, Positions(rows.Length, counted), cancellationToken);
        return new CaptionStates(generated, Vectors, states.States, states.Mask);
    }

    /// <summary>[rows]: counted from 0, but the last row, T5's end, stands behind the <paramref name="counted"/> tokens.</summary>
    internal static long[] Positions(int rows, int counted)
    {
        long[] positions = new long[rows];
        for (int i = 0; i < rows; i++)
        {
            positions[i] = i;
        }

        positions[^1] = ProjectionModel.RowsBefore + counted;
        return positions;
    }
}
