using M2UGen.Export.Blocks;

namespace M2UGen.Export.Configs;

/// <summary>What the <c>config.json</c> of a CLAP says (transformers, configuration_clap.py). Published files hold only what differs from that file's defaults.</summary>
internal sealed record ClapConfig
{
    public required ClapTextConfig Text { get; init; }

    public required ClapAudioConfig Audio { get; init; }

    /// <summary>Width of the embeddings that text and sound have in common.</summary>
    public required int ProjectionSize { get; init; }

    /// <summary>Between the two matrices of each projection.</summary>
    public required Activation ProjectionActivation { get; init; }

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or misstates something; all of it is listed.</exception>
    public static ClapConfig Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string modelType = config.TextOr("model_type", "clap");
        config.Require(modelType == "clap", "model_type", $"'{modelType}' is not supported; expected 'clap'");
        ClapConfig read = new()
        {
            Text = ClapTextConfig.From(config.SectionOr("text_config")),
            Audio = ClapAudioConfig.From(config.SectionOr("audio_config")),

            // The outer values win over those of the two sections, as in ClapConfig.__init__.
            ProjectionSize = config.IntOr("projection_dim", 512),
            ProjectionActivation = Activations.Read(config, "projection_hidden_act", "relu"),
        };
        config.ThrowIfWrong("a CLAP");
        return read;
    }
}

/// <summary>CLAP's text tower: a RoBERTa (arXiv:1907.11692).</summary>
internal sealed record ClapTextConfig
{
    /// <summary>Width, heads, feed-forward, activation and epsilon; post-norm.</summary>
    public required EncoderLayerForm Form { get; init; }

    public required int Layers { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>Rows of the position table; those up to <see cref="PadTokenId"/> belong to padding.</summary>
    public required int Positions { get; init; }

    /// <summary>Rows of the table of token types, of which only the first is used.</summary>
    public required int TokenTypes { get; init; }

    public required int PadTokenId { get; init; }

    /// <summary>The longest text: its last token has the table's last row.</summary>
    public int MaxTokens => Positions - PadTokenId - 1;

    /// <summary>Reads the section.</summary>
    public static ClapTextConfig From(ConfigReader config)
    {
        string positionType = config.TextOr("position_embedding_type", "absolute");
        config.Require(positionType == "absolute", "position_embedding_type", $"'{positionType}' is not supported; expected 'absolute'");
        int hidden = config.IntOr("hidden_size", 768);
        int heads = config.IntOr("num_attention_heads", 12);
        config.RequireTogether(hidden % heads == 0, "num_attention_heads", $"{heads} heads do not divide hidden_size {hidden}");
        int vocabulary = config.IntOr("vocab_size", 50265, largest: 1 << 24);
        int positions = config.IntOr("max_position_embeddings", 514);
        int pad = config.IntOr("pad_token_id", 1, smallest: 0);
        config.RequireTogether(pad < vocabulary, "pad_token_id", $"{pad} is not below vocab_size {vocabulary}");
        config.RequireTogether(pad + 1 < positions, "max_position_embeddings", $"{positions} leaves no position behind those of padding (up to {pad})");
        return new ClapTextConfig
        {
            Form = new EncoderLayerForm
            {
                HiddenSize = hidden,
                FeedForwardSize = config.IntOr("intermediate_size", 3072),
                Heads = heads,
                Activation = Activations.Read(config, "hidden_act"),
                Epsilon = (float)config.DoubleOr("layer_norm_eps", 1e-12, 0, 1),
                IsPreNorm = false,
            },
            Layers = config.IntOr("num_hidden_layers", 12, largest: ConfigReader.MostLayers),
            VocabularySize = vocabulary,
            Positions = positions,
            TokenTypes = config.IntOr("type_vocab_size", 1),
            PadTokenId = pad,
        };
    }
}

/// <summary>CLAP's audio tower: HTSAT (arXiv:2202.00874), a Swin transformer over a folded spectrogram.</summary>
internal sealed record ClapAudioConfig
{
    // Published: 262144.
    private const int MostTableValues = 1 << 25;

    /// <summary>Frequency bins of the spectrogram.</summary>
    public required int MelBins { get; init; }

    /// <summary>Height and width of the picture that the spectrogram is folded into.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Height and width of a patch.</summary>
    public required int PatchSize { get; init; }

    /// <summary>Steps between patches, down and to the right.</summary>
    public required (int Rows, int Columns) PatchStride { get; init; }

    /// <summary>Width of the first stage; each further stage has twice as much.</summary>
    public required int PatchWidth { get; init; }

    /// <summary>Layers of each stage.</summary>
    public required IReadOnlyList<int> Depths { get; init; }

    /// <summary>Attention heads of each stage.</summary>
    public required IReadOnlyList<int> Heads { get; init; }

    /// <summary>Height and width of an attention window.</summary>
    public required int WindowSize { get; init; }

    /// <summary>Width inside the feed-forward part, as a multiple of the stage's.</summary>
    public required double FeedForwardRatio { get; init; }

    public required Activation Activation { get; init; }

    /// <summary>Of the norms inside the layers; all other norms have torch's default.</summary>
    public required float Epsilon { get; init; }

    /// <summary>Whether query, key and value have biases.</summary>
    public required bool HasQkvBias { get; init; }

    /// <summary>Whether patches are normalised.</summary>
    public required bool HasPatchNorm { get; init; }

    /// <summary>Whether clips longer than the model hears are told by three chunks beside the shrunk whole.</summary>
    public required bool HasFusion { get; init; }

    /// <summary>By how much the fusion's inner width is smaller than its outer.</summary>
    public required int FusionRatio { get; init; }

    /// <summary>Spectrograms of an input: the shrunk whole and three chunks, or one.</summary>
    public int Channels => HasFusion ? 4 : 1;

    /// <summary>Pieces that time is cut into; they are stacked above one another.</summary>
    public int FoldRatio => ImageSize / MelBins;

    /// <summary>Frames that the spectrogram is stretched to.</summary>
    public int StretchedFrames => ImageSize * FoldRatio;

    /// <summary>Rows of patches.</summary>
    public int GridRows => ImageSize / PatchStride.Rows;

    /// <summary>Columns of patches.</summary>
    public int GridColumns => ImageSize / PatchStride.Columns;

    /// <summary>Columns of patches of each of a long clip's three chunks, which are three times as wide.</summary>
    public int ChunkColumns => PatchesOf(PatchStride.Columns, 3);

    /// <summary>Patches along a side of the picture.</summary>
    /// <param name="stride">Steps between them along that side.</param>
    /// <param name="wider">By how much patches and steps are longer than said.</param>
    public int PatchesOf(int stride, int wider) => ((ImageSize + (2 * ((PatchSize - stride) / 2)) - (wider * PatchSize)) / (wider * stride)) + 1;

    /// <summary>Positions of the last stage.</summary>
    public int Positions => (GridRows >> (Depths.Count - 1)) * (GridColumns >> (Depths.Count - 1));

    /// <summary>Width of a stage.</summary>
    public int WidthOf(int stage) => checked(PatchWidth << stage);

    /// <summary>Width of the last stage.</summary>
    public int OutputWidth => WidthOf(Depths.Count - 1);

    /// <summary>Reads the section.</summary>
    public static ClapAudioConfig From(ConfigReader config)
    {
        const int MostStages = 8;
        int[] depths = config.Has("depths") ? config.Ints("depths", MostStages, largest: ConfigReader.MostLayers) : [2, 2, 6, 2];
        int[] heads = config.Has("num_attention_heads") ? config.Ints("num_attention_heads", MostStages) : [4, 8, 16, 32];
        int[] stride = config.Has("patch_stride") ? config.IntPerBlock("patch_stride", 2, 4, largest: 1 << 10) : [4, 4];
        bool fuses = config.BoolOr("enable_fusion", false);
        string fusion = config.TextOr("fusion_type", "aff_2d");
        config.Require(!fuses || fusion == "aff_2d", "fusion_type", $"'{fusion}' is not supported; expected 'aff_2d'");
        int channels = config.IntOr("patch_embed_input_channels", 1);
        config.Require(channels == 1, "patch_embed_input_channels", $"{channels} is not supported; expected 1");
        config.Require(config.BoolOr("flatten_patch_embeds", true), "flatten_patch_embeds", "false is not supported; expected true");
        ClapAudioConfig read = new()
        {
            MelBins = config.IntOr("num_mel_bins", 64, largest: 1 << 12),
            ImageSize = config.IntOr("spec_size", 256, largest: 1 << 12),
            PatchSize = config.IntOr("patch_size", 4, largest: 1 << 10),
            PatchStride = (stride[0], stride[1]),
            PatchWidth = config.IntOr("patch_embeds_hidden_size", 96, largest: 1 << 14),
            Depths = depths,
            Heads = heads,
            WindowSize = config.IntOr("window_size", 8, largest: 64),
            FeedForwardRatio = config.DoubleOr("mlp_ratio", 4, 1.0 / 64, 64),
            Activation = Activations.Read(config, "hidden_act"),
            Epsilon = (float)config.DoubleOr("layer_norm_eps", 1e-5, 0, 1),
            HasQkvBias = config.BoolOr("qkv_bias", true),
            HasPatchNorm = config.BoolOr("enable_patch_layer_norm", true),
            HasFusion = fuses,
            FusionRatio = config.IntOr("aff_block_r", 4),
        };
        CheckSizes(config, read);
        int hidden = config.IntOr("hidden_size", 768);
        config.RequireTogether(hidden == read.OutputWidth, "hidden_size", $"{hidden} is not the last stage's width {read.PatchWidth} x {1 << (depths.Length - 1)}");
        return read;
    }

    private static void CheckSizes(ConfigReader config, ClapAudioConfig read)
    {
        int image = read.ImageSize;
        config.RequireTogether(read.Heads.Count == read.Depths.Count, "num_attention_heads", $"has {read.Heads.Count} entries and depths {read.Depths.Count}");
        config.RequireTogether(image % read.MelBins == 0, "spec_size", $"{image} is no multiple of num_mel_bins {read.MelBins}, so the spectrogram cannot be folded into a square");
        config.RequireTogether(
            read.PatchSize >= read.PatchStride.Rows && read.PatchSize >= read.PatchStride.Columns && image % read.PatchStride.Rows == 0 && image % read.PatchStride.Columns == 0,
            "patch_stride",
            $"{read.PatchStride.Rows} x {read.PatchStride.Columns} does not divide spec_size {image}, or is larger than patch_size {read.PatchSize}");
        config.RequireTogether(
            read.PatchesOf(read.PatchStride.Rows, 1) == read.GridRows && read.PatchesOf(read.PatchStride.Columns, 1) == read.GridColumns,
            "patch_size",
            $"{read.PatchSize} gives {read.PatchesOf(read.PatchStride.Rows, 1)} x {read.PatchesOf(read.PatchStride.Columns, 1)} patches at steps of {read.PatchStride.Rows} x {read.PatchStride.Columns}; the stages take {read.GridRows} x {read.GridColumns}");
        config.RequireTogether(!read.HasFusion || 3 * read.ChunkColumns <= read.GridColumns, "patch_size", $"{read.PatchSize} gives {read.ChunkColumns} columns a chunk; three of them do not fit {read.GridColumns}");
        config.RequireTogether(!read.HasFusion || read.PatchWidth >= read.FusionRatio, "aff_block_r", $"{read.FusionRatio} is larger than patch_embeds_hidden_size {read.PatchWidth}");
        for (int stage = 0; stage < read.Depths.Count; stage++)
        {
            (int rows, int columns) = (read.GridRows >> stage, read.GridColumns >> stage);
            config.RequireTogether(
                rows << stage == read.GridRows && columns << stage == read.GridColumns && rows >= read.WindowSize && columns >= read.WindowSize && rows % read.WindowSize == 0 && columns % read.WindowSize == 0,
                "window_size",
                $"stage {stage} has {rows} x {columns} positions, which windows of {read.WindowSize} x {read.WindowSize} do not fill");

            // The tables of shifted windows and of relative positions are made in memory.
            long area = (long)read.WindowSize * read.WindowSize;
            config.RequireTogether(rows * columns * area <= MostTableValues && read.Heads[stage] * area * area <= MostTableValues, "window_size", $"{read.WindowSize} makes tables of more than {MostTableValues} numbers in stage {stage}");
            config.RequireTogether(read.WidthOf(stage) % read.Heads[stage] == 0, "num_attention_heads", $"{read.Heads[stage]} heads do not divide the width {read.WidthOf(stage)} of stage {stage}");
        }
    }
}
