using System.Text.Json.Nodes;
using M2UGen.Export.Architectures;
using M2UGen.Export.Blocks;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Graph;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Sources;

/// <summary>An M2UGen checkpoint with its LLaMA directory and, where given, its music decoder, as a bundle.</summary>
/// <remarks>
/// Weights are the checkpoint's; what it lacks (an adapter-only checkpoint lacks the frozen matrices) is the base LLaMA's. MusicGen's are the
/// checkpoint's too where it has them. Source: reference <c>m2ugen.py M2UGen.__init__</c>, <c>gradio_app.py</c>.
/// </remarks>
internal static class M2UGenSource
{
    private const string Tokenizer = "llama";

    // generate_music of the released code passes this to MusicGen whatever its generation_config says; no file holds it.
    private const double ReleasedGuidanceScale = 3.5;

    // The split of the AudioLDM2 projector's vector (reference generate_music): 128 T5 vectors, then 8 of GPT-2.
    private const int T5Positions = 128;
    private const int Gpt2Positions = 8;

    /// <summary>Plans the bundle.</summary>
    /// <exception cref="CheckpointException">A file is missing, damaged or of another model; all missing tensors are listed.</exception>
    /// <exception cref="ExportException">The music decoder asked for is not the one the checkpoint was made for.</exception>
    public static BundlePlan Plan(M2UGenParts parts, int contextLength, GraphOptions graphs)
    {
        if (parts.MusicDecoderPath is { } given && !Directory.Exists(given))
        {
            throw new CheckpointException(given, "there is no such directory. --music_decoder_path names the music decoder's.");
        }

        LlamaDirectory directory = LlamaDirectory.Open(parts.LlamaDirectory, parts.LlamaType);
        LlamaParams parameters = LlamaParams.Read(directory.ParamsFile);
        LlamaTextTokenizer tokenizer = LlamaTextTokenizer.Load(directory.Path);
        Checkpoint checkpoint = OpenCheckpoint(parts.Model);
        List<IDisposable> opened = [checkpoint];
        BundlePlan? plan = null;
        try
        {
            WeightMap map = WeightMap.From(checkpoint);
            WeightMap llamaMap = map.Under("llama.");
            Checkpoint? baseLlama = null;
            bool isBaseNeeded = LlamaDirectory.IsNeeded(llamaMap, parameters);
            if (isBaseNeeded && directory.HasWeights)
            {
                baseLlama = directory.OpenWeights();
                opened.Add(baseLlama);
                llamaMap = llamaMap.Over(WeightMap.From(baseLlama));
            }

            // Missing, it is noted with everything else that is, and has no shape to go by.
            Weight prefix = map.Require("prefix_query.weight", WeightMapExtensions.Any, parameters.Dim);
            LlamaWeights llama = LlamaWeights.Read(llamaMap, parameters, prefix.Shape.Count == 2 ? prefix : null);
            OutputProjectorWeights? projector = OutputProjectorWeights.IsIn(map) || parts.MusicDecoderPath is not null ? OutputProjectorWeights.Read(map, parameters.Dim) : null;

            // The decoder's tensors that lie in the checkpoint are asked for before the first question what is missing, so that one error names all of it.
            WeightMap decoderMap = map.Under("generation_model.");
            MusicGenDirectory? music = null;
            IReadOnlyList<BundlePart> musicParts = [];
            if (parts.MusicDecoderPath is { } path && ModelDirectory.IsMusicGen(path) && decoderMap.Names.Any())
            {
                music = MusicGenDirectory.Open(path, decoderMap);
                musicParts = music.DescribeParts(graphs);
                opened.Add(music);
            }

            SensesSource senses = SensesSource.Describe(parts.Senses, map, llama, graphs);
            opened.Add(senses);
            map.ThrowIfIncompleteWithHint(isBaseNeeded && baseLlama is null
                ? $"If the checkpoint holds adapters alone, the base LLaMA's consolidated.00.pth and so on belong into '{directory.WeightsDirectory}'."
                : null);
            CheckVocabulary(parts.Model, llama, tokenizer);
            string? decoder = DecoderOf(parts, projector);

            plan = new BundlePlan { Family = FamilyOf(decoder, parts) };
            plan.SourceFiles.AddRange([.. checkpoint.Files, directory.ParamsFile, .. baseLlama?.Files ?? [], .. directory.TokenizerFiles]);
            plan.Licences.Add(new BundleLicence("M2UGen", LicenceOf.Checkpoint(parts.Model)));
            plan.Licences.Add(new BundleLicence("LLaMA", LicenceOf.Directory(directory.Path)));
            AddLlama(plan, llama, tokenizer, contextLength, graphs);
            plan.Tokenizers.Add(new PlannedTokenizer(Tokenizer, directory.TokenizerFiles));
            if (projector is not null)
            {
                Weight rows = llama.Embedding.Rows(tokenizer.AudioTokenStart, LlamaTextTokenizer.AudioTokenCount);
                plan.Parts.Add(new BundlePart(OutputProjectorGraph.Component, OutputProjectorGraph.Build(projector, rows, graphs), ProjectorConfig(projector, parts, decoder)));
            }

            senses.AddTo(plan, parts.Senses);
            if (decoder != "audioldm2" && music is null && parts.MusicDecoderPath is { } directoryOfItsOwn)
            {
                music = plan.Own(MusicGenDirectory.Open(directoryOfItsOwn));
                musicParts = music.CreateParts(graphs);
            }

            AudioLdm2Directory? diffusion = decoder == "audioldm2" && parts.MusicDecoderPath is { } diffusers ? plan.Own(AudioLdm2Directory.Open(diffusers)) : null;
            AddDecoder(plan, parts, music, musicParts);
            if (diffusion is not null)
            {
                AudioLdm2Source.AddTo(plan, diffusion, diffusion.CreateParts(graphs));
            }

            opened.ForEach(resource => plan.Own(resource));
            return plan;
        }
        catch
        {
            plan?.Dispose();
            opened.ForEach(resource => resource.Dispose());
            throw;
        }
    }

    /// <summary>Opens the M2UGen checkpoint: a file, or a directory with checkpoint.pth or with weights in a Hugging Face layout.</summary>
    /// <exception cref="CheckpointException">It is not there or cannot be read.</exception>
    internal static Checkpoint OpenCheckpoint(string model)
    {
        string published = Path.Combine(model, SourceFinder.CheckpointName);
        return !Directory.Exists(model) ? Checkpoint.Open(model)
            : File.Exists(published) ? Checkpoint.Open(published)
            : Checkpoint.OpenDirectory(model);
    }

    private static void AddLlama(BundlePlan plan, LlamaWeights llama, LlamaTextTokenizer tokenizer, int contextLength, GraphOptions graphs)
    {
        JsonObject config = LlamaGraph.Config(llama, contextLength);
        config["audio_token_start"] = tokenizer.AudioTokenStart;
        config["audio_tokens"] = LlamaTextTokenizer.AudioTokenCount;
        GraphBuilder graph = LlamaGraph.Build(llama, contextLength, graphs);
        plan.Parts.Add(new BundlePart(LlamaGraph.Component, graph, config) { Tensors = LlamaGraph.Scales(llama, graph) });
        plan.Tensors.Add(new PlannedTensor(PrefixContribution.TensorName, [llama.PrefixLayers, llama.Parameters.Dim], token => PrefixContribution.ForText(llama, token)));
        IReadOnlyList<int> closed = PrefixContribution.ClosedLayers(llama);
        if (closed.Count == llama.PrefixLayers)
        {
            plan.Warnings.Add("Every prefix gate of this checkpoint is zero: neither prefix_query nor any audio, image or video can reach the language model. Training as released never moves the gates away from zero.");
        }
        else if (closed.Count > 0)
        {
            plan.Warnings.Add($"The prefix gates of {closed.Count} of {llama.PrefixLayers} layers are zero (layers {string.Join(", ", closed)}): prefixes have no effect there.");
        }
    }

    private static void AddDecoder(BundlePlan plan, M2UGenParts parts, MusicGenDirectory? music, IReadOnlyList<BundlePart> musicParts)
    {
        if (parts.MusicDecoderPath is null)
        {
            plan.Warnings.Add("No music decoder directory was given: the bundle answers and gives music embeddings, and makes no music.");
        }
        else if (music is not null)
        {
            MusicGenSource.AddTo(plan, music, musicParts);
            ((JsonObject)plan.Generation[MusicGenSource.Section]!)["guidance_scale"] = ReleasedGuidanceScale;
        }
    }

    private static string FamilyOf(string? decoder, M2UGenParts parts) => parts.MusicDecoderPath is null
        ? BundleFamily.M2UGen
        : decoder == "audioldm2" ? BundleFamily.M2UGenAudioLdm2 : BundleFamily.M2UGenMusicGen;

    private static string? DecoderOf(M2UGenParts parts, OutputProjectorWeights? projector)
    {
        string? made = projector is null ? null : projector.IsFlat ? "audioldm2" : "musicgen";
        if (parts.MusicDecoder is { } asked && made is not null && asked != made)
        {
            throw new ExportException(parts.Model, $"--music_decoder is {asked}, but the output projector of '{parts.Model}' ({projector!.Tokens} vectors of {projector.Width}) is one for {made}. Give the other checkpoint, or leave the switch out.");
        }

        string? decoder = parts.MusicDecoder ?? made;
        return decoder == "audioldm2" && parts.MusicDecoderPath is { } directory && ModelDirectory.IsMusicGen(directory)
            ? throw new ExportException(directory, $"'{directory}' is a MusicGen, and the checkpoint or --music_decoder says audioldm2. Give the decoder that the checkpoint was trained with.")
            : decoder == "musicgen" && parts.MusicDecoderPath is { } other && ModelDirectory.IsDiffusers(other)
            ? throw new ExportException(other, $"'{other}' is a diffusers directory, and the checkpoint or --music_decoder says musicgen. Give the decoder that the checkpoint was trained with.")
            : decoder;
    }

    private static JsonObject ProjectorConfig(OutputProjectorWeights projector, M2UGenParts parts, string? decoder)
    {
        JsonObject config = OutputProjectorGraph.Config(projector, LlamaTextTokenizer.AudioTokenCount);
        if (decoder == "audioldm2" && parts.MusicDecoderPath is { } directory
            && ModelDirectory.Integer(Path.Combine(directory, "text_encoder_2"), "config.json", "d_model") is { } t5Width
            && ModelDirectory.Integer(Path.Combine(directory, "language_model"), "config.json", "n_embd") is { } gpt2Width)
        {
            if ((T5Positions * t5Width) + (Gpt2Positions * gpt2Width) != projector.Width)
            {
                throw new CheckpointException(directory, $"has a T5 of width {t5Width} and a GPT-2 of width {gpt2Width}; the checkpoint's projector gives {projector.Width} numbers, expected {T5Positions} x {t5Width} + {Gpt2Positions} x {gpt2Width}. Give the decoder that the checkpoint was trained with.");
            }

            config["t5_positions"] = T5Positions;
            config["t5_width"] = t5Width;
            config["gpt2_positions"] = Gpt2Positions;
            config["gpt2_width"] = gpt2Width;
        }

        return config;
    }

    private static void CheckVocabulary(string model, LlamaWeights llama, LlamaTextTokenizer tokenizer)
    {
        long needed = (long)tokenizer.AudioTokenStart + LlamaTextTokenizer.AudioTokenCount;
        if (needed != llama.Vocabulary)
        {
            throw new CheckpointException(model, $"has {llama.Vocabulary} tokens, and tokenizer.model with its [AUD] tokens has {needed}. Give the tokenizer that the checkpoint was trained with.");
        }
    }
}
