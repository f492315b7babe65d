using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Comparison;
using M2UGen.Export.Slicing;
using M2UGen.Sdk;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Calibration;

/// <summary>Measures the scales of a bundle's caches in 8 bits by running the language models over some texts, and writes them into the bundle.</summary>
/// <remarks>
/// The graphs take their scales as inputs, so the graph that is measured is the one that will run: with scales too wide to cut anything the largest number of a channel tells how large
/// the channel becomes. A scale then leaves a quarter of that as headroom for what the texts did not bring.
/// </remarks>
internal static class CacheCalibrator
{
    // Components whose files are larger are run slice by slice, or not unasked: an export shall not need the memory to run them whole.
    private const long LargestWhole = 1L << 30;

    private const float Headroom = 1.25f;

    // So wide are scales while channels are measured, beside the estimates; and so many times wider again where that was not enough.
    private const float Widening = 4;
    private const int Attempts = 8;

    // A channel that stayed quiet may be louder elsewhere.
    private const float SmallestShare = 1 / 16f;

    private const int MusicSteps = 150;

    private static readonly string[] Instructions =
    [
        M2UGenRequest.CaptionQuestion,
        "Generate a calm piano piece with soft strings, slow and in a minor key.",
        "Which instruments play in a string quartet, and what does each of them do?",
        "Swap the drums for hand claps and make it 20 % faster!\n\n### Response:\nHere is the edited music. [AUD0] [AUD1] [AUD2] [AUD3] [AUD4] [AUD5] [AUD6] [AUD7]",
    ];

    private static readonly string[] Captions =
    [
        "A slow, calm piano waltz in a minor key.",
        "Fast electronic dance music with heavy bass, synthesizers and drums, 128 bpm.",
        "An acoustic guitar and a flute play a cheerful folk song.",
    ];

    /// <summary>The components of a bundle that keep their cache in 8 bits.</summary>
    public static IReadOnlyList<string> ComponentsOf(BundleManifest manifest) =>
        [.. manifest.Components.Where(pair => KVCacheFormat.KindOf(pair.Value) == TensorElementKind.Int8).Select(pair => pair.Key)];

    /// <summary>Whether an export may measure a component unasked: music is made step by step, and reading all weights for each step again would take hours.</summary>
    public static bool FitsExport(string component, BundleComponent description) => component == LanguageModel.Component || !IsLarge(description);

    private static bool IsLarge(BundleComponent description) => description.Files.Sum(file => file.Size) > LargestWhole;

    /// <summary>Measures components and puts their scales into the bundle.</summary>
    /// <param name="directory">The bundle.</param>
    /// <param name="components">Some of <see cref="ComponentsOf"/>.</param>
    /// <param name="threads">Threads of one operator; 0: one a core.</param>
    /// <param name="measuring">Told of each component before its turn.</param>
    /// <param name="cancellationToken">Stops the runs; the bundle stays as it was.</param>
    public static void Calibrate(string directory, IReadOnlyList<string> components, int threads, Action<string>? measuring, CancellationToken cancellationToken)
    {
        Dictionary<string, float[]> scales = [];
        using (ComparedBundle bundle = new(directory, threads))
        {
            foreach (string component in components)
            {
                measuring?.Invoke(component);
                scales.Add(KVCacheFormat.ScalesOf(component), component == LanguageModel.Component
                    ? MeasureLanguage(bundle, threads, cancellationToken)
                    : Measure(bundle.Music!.Config.Cache, wide => Run(bundle, bundle.Music, wide, cancellationToken)));
            }
        }

        BundleTensors.Replace(directory, scales, cancellationToken);
    }

    private static float[] Measure(KVCacheFormat format, Func<float[], ChannelMaxima> run)
    {
        float[] wide = Array.ConvertAll(format.Scales, scale => scale * Widening);
        ChannelMaxima maxima = run(wide);
        for (int attempt = 1; attempt < Attempts && Widen(); attempt++)
        {
            maxima = run(wide);
        }

        float[] scales = new float[wide.Length];
        for (int i = 0; i < scales.Length; i++)
        {
            scales[i] = Rounded(float.Max(maxima.Codes[i] * wide[i] * Headroom / CacheScales.Largest, format.Scales[i] * SmallestShare));
        }

        return scales;

        bool Widen()
        {
            bool any = false;
            for (int i = 0; i < wide.Length; i++)
            {
                if (maxima.IsCut(i))
                {
                    wide[i] *= Widening;
                    any = true;
                }
            }

            return any;
        }
    }

    /// <summary>The next number of four binary digits: sums that differ in their last bits, as on another processor, give the same scale.</summary>
    private static float Rounded(float scale)
    {
        int exponent = float.ILogB(scale) - 3;
        return float.ScaleB(float.Ceiling(float.ScaleB(scale, -exponent)), exponent);
    }

    private static float[] MeasureLanguage(ComparedBundle bundle, int threads, CancellationToken cancellationToken)
    {
        LanguageModel language = bundle.Language!;
        const string Component = LanguageModel.Component;
        using SlicedModel? slices = IsLarge(bundle.Bundle.Component(Component)) ? SlicedModel.Open(bundle.Bundle, Component, new RuntimeOptions(Threads: threads)) : null;
        IOnnxModel model = slices ?? bundle.Model(Component);
        float[] prefix = bundle.Bundle.ReadTensor(LanguageModel.TextPrefix);
        int[] ids = Conversation(language);
        return Measure(language.Config.Cache, wide =>
        {
            LlamaConfig config = language.Config with { CacheScales = wide };
            using LlamaDecoder decoder = new(model, config, ids.Length, prefix);
            decoder.Prefill(ids, ids.Length, cancellationToken);
            ChannelMaxima maxima = new(config.Cache);
            maxima.Add(decoder.Cache);
            return maxima;
        });
    }

    /// <summary>The instructions one behind the other, as far as the context goes: in one call, which reads the weights once.</summary>
    private static int[] Conversation(LanguageModel language)
    {
        List<int> ids = [];
        foreach (string instruction in Instructions)
        {
            int[] turn = language.Tokenizer.Encode(PromptTemplate.Format(instruction));
            ids.AddRange(ids.Count > 0 && turn[0] == ids[0] ? turn.AsSpan(1) : turn);
        }

        return [.. ids.Take(language.Config.ContextLength)];
    }

    private static ChannelMaxima Run(ComparedBundle bundle, MusicGenDecoder music, float[] scales, CancellationToken cancellationToken)
    {
        MusicGenConfig config = music.Config with { CacheScales = scales };
        double guidance = config.Defaults.GuidanceScale;
        float[] chroma = config.Chroma is { } form ? ChromaFeatures.None(form.ChromaLength, form.ChromaCount) : [];
        ChannelMaxima maxima = new(config.Cache);
        for (int i = 0; i < Captions.Length; i++)
        {
            using MusicGenCondition condition = music.CreateCondition(music.Text.Encode(Captions[i], paddedLength: null, cancellationToken), chroma, CodebookGenerator.IsGuided(guidance), cancellationToken);
            int steps = Math.Min(MusicSteps, config.MaxPositions - condition.PrefixLength - 1);
            if (steps < 1)
            {
                continue;
            }

            CodeFrames frames = new(config.Codebooks, steps);
            using MusicGenSequence sequence = new(bundle.Model(MusicGenConfig.DecoderComponent), config, condition, steps + 1);
            CodebookGenerator generator = new(sequence, config, frames, CodeChooser.Create(config, new MusicOptions(), (ulong)i, config.Codebooks), guidance);
            generator.Begin(new MusicGenWindow(0, 0, steps));
            while (generator.Step(cancellationToken))
            {
            }

            maxima.Add(sequence.Cache);
        }

        return maxima;
    }
}
