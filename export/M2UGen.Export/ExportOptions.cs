namespace M2UGen.Export;

/// <summary>From what a bundle is made, and how. The names of the reference's switches (<c>gradio_app.py</c>) stand beside the properties.</summary>
/// <remarks>Either <see cref="Source"/> names a directory whose layout is known, or <see cref="Model"/> and <see cref="LlamaDirectory"/> name the parts; given together, the named parts win over what the directory holds.</remarks>
public sealed record ExportOptions
{
    /// <summary>A <c>ckpts</c> folder as the reference lays it out, a Hugging Face MusicGen directory, a diffusers AudioLDM2 directory or one of its folders (<c>unet</c>, <c>vae</c>, …), which then exports by itself, or a MERT, ViT or ViViT directory, which does so too with <see cref="Model"/>.</summary>
    /// <value>Default: null.</value>
    public string? Source { get; init; }

    /// <summary>The directory of the bundle to be made.</summary>
    public required string OutputPath { get; init; }

    /// <summary>Whether a bundle at <see cref="OutputPath"/> is replaced. Anything else that is there never is.</summary>
    /// <value>Default: false.</value>
    public bool Force { get; init; }

    /// <summary>M2UGen's checkpoint file (<c>--model</c>). Where <see cref="Source"/> is an encoder's directory, any file that holds its aggregation will do: <c>mu_mert_agg</c>, <c>iu_vit_agg</c> or <c>iu_vivit_agg</c>, <c>.weight</c> and <c>.bias</c>.</summary>
    public string? Model { get; init; }

    /// <summary>The directory with <c>tokenizer.model</c> and, in <see cref="LlamaType"/>, <c>params.json</c> and the base LLaMA's shards (<c>--llama_dir</c>).</summary>
    public string? LlamaDirectory { get; init; }

    /// <summary>The folder of the LLaMA below <see cref="LlamaDirectory"/> (<c>--llama_type</c>).</summary>
    /// <value>Default: null, which is <c>7B</c>, or the only folder that holds a params.json.</value>
    public string? LlamaType { get; init; }

    /// <summary>The MERT directory (<c>--mert_path</c>): its configuration, and its weights where the checkpoint has none of them.</summary>
    /// <value>Default: null; the bundle then takes no audio, unless <see cref="Source"/> holds such a directory.</value>
    public string? MertPath { get; init; }

    /// <summary>The ViT directory (<c>--vit_path</c>), as <see cref="MertPath"/>.</summary>
    /// <value>Default: null; the bundle then takes no images, unless <see cref="Source"/> holds such a directory.</value>
    public string? VitPath { get; init; }

    /// <summary>The ViViT directory (<c>--vivit_path</c>), as <see cref="MertPath"/>.</summary>
    /// <value>Default: null; the bundle then takes no video, unless <see cref="Source"/> holds such a directory.</value>
    public string? VivitPath { get; init; }

    /// <summary>The directory with <c>knn.index</c> (<c>--knn_dir</c>), or a faiss flat index file. It goes into the bundle and is used where a request asks for it.</summary>
    /// <value>Default: null; the bundle then has no index, unless <see cref="Source"/> holds a knn.index.</value>
    public string? KnnDirectory { get; init; }

    /// <summary><c>musicgen</c> or <c>audioldm2</c> (<c>--music_decoder</c>).</summary>
    /// <value>Default: null, which is what the checkpoint's output projector was made for.</value>
    public string? MusicDecoder { get; init; }

    /// <summary>The music decoder's Hugging Face directory (<c>--music_decoder_path</c>). Without one the bundle answers and gives music embeddings, and makes no music.</summary>
    public string? MusicDecoderPath { get; init; }

    /// <summary>Prompt and answer together have at most so many tokens.</summary>
    /// <value>Default: 1024, the reference's max_seq_len.</value>
    public int ContextLength { get; init; } = 1024;

    /// <summary>How matrices are stored.</summary>
    /// <value>Default: <see cref="PrecisionPolicy.Float32"/>.</value>
    public PrecisionPolicy Precision { get; init; } = PrecisionPolicy.Float32;

    /// <summary>Whether language models are run to measure their keys and values, where these are kept in 8 bits; else their size is estimated from the weights, until <c>calibrate</c> measures it.</summary>
    /// <value>
    /// Default: null, which is true where the program has ONNX Runtime's native library, but for a music decoder of more than 1 GiB: a language model of that size is run slice by slice, in little memory, and a
    /// music decoder's loop cannot be.
    /// </value>
    public bool? CalibratesCache { get; init; }

    /// <summary>Whether each component of less than 1 GiB is run once to record what it gives (<c>probes.json</c>), for <c>m2ugen doctor</c> to compare with.</summary>
    /// <value>Default: true. Without the native ONNX Runtime the export succeeds and warns.</value>
    public bool RecordsProbes { get; init; } = true;

    /// <summary>Patterns (<c>*</c> stands for any characters) of inner stages that become extra outputs of the graphs, for finding faults: <c>layers.*</c>.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Taps { get; init; } = [];
}
