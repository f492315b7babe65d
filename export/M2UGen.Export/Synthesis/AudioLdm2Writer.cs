using M2UGen.Export.Checkpoints;
using M2UGen.Export.Configs;
using M2UGen.Export.Sources;

namespace M2UGen.Export.Synthesis;

/// <summary>Writes an AudioLDM2 directory as diffusers lays it out, with made-up weights.</summary>
internal static class AudioLdm2Writer
{
    /// <summary>The published directory's name.</summary>
    public const string FolderName = "audioldm2-music";

    private const string ConfigName = "config.json";

    // What save_pretrained of the two libraries calls the weights.
    private const string Transformers = "model.safetensors";
    private const string Diffusers = "diffusion_pytorch_model.safetensors";

    /// <summary>Writes everything but the weights.</summary>
    /// <param name="directory">An existing directory.</param>
    /// <param name="layers">Fewer layers of GPT-2 than published, or null.</param>
    public static void WriteFiles(string directory, int? layers)
    {
        Synthesizer.WriteJson(Path.Combine(directory, DiffusersIndex.FileName), PublishedAudioLdm2.Index());
        Synthesizer.WriteJson(In("text_encoder", ConfigName), PublishedAudioLdm2.Clap());
        Synthesizer.WriteJson(In("text_encoder_2", ConfigName), PublishedAudioLdm2.T5());
        Synthesizer.WriteJson(In("projection_model", ConfigName), PublishedAudioLdm2.Projection());
        Synthesizer.WriteJson(In("language_model", ConfigName), PublishedAudioLdm2.Gpt2(layers ?? 12));
        Synthesizer.WriteJson(In("unet", ConfigName), PublishedAudioLdm2.UNet());
        Synthesizer.WriteJson(In("vae", ConfigName), PublishedAudioLdm2.Vae());
        Synthesizer.WriteJson(In("vocoder", ConfigName), PublishedAudioLdm2.Vocoder());
        Synthesizer.WriteJson(In("scheduler", SchedulerFile.FileName), PublishedAudioLdm2.Scheduler());
        Synthesizer.WriteJson(In("feature_extractor", EncoderPreprocessing.FileName), PublishedAudioLdm2.ClapPreprocessor());
        Synthesizer.WriteJson(In("tokenizer", "tokenizer_config.json"), PublishedAudioLdm2.RobertaTokenizer());
        (byte[] vocabulary, byte[] merges) = VocabularyWriter.Roberta(PublishedAudioLdm2.RobertaPieces);
        File.WriteAllBytes(In("tokenizer", "vocab.json"), vocabulary);
        File.WriteAllBytes(In("tokenizer", "merges.txt"), merges);
        Synthesizer.WriteJson(In("tokenizer_2", "tokenizer_config.json"), PublishedModels.T5Tokenizer(PublishedAudioLdm2.CaptionTokens));
        File.WriteAllBytes(In("tokenizer_2", "spiece.model"), VocabularyWriter.T5(Synthesizer.Pieces));

        string In(string folder, string file) => Path.Combine(Directory.CreateDirectory(Path.Combine(directory, folder)).FullName, file);
    }

    /// <summary>Bytes of the weights that <see cref="WriteWeights"/> would write.</summary>
    public static long CountBytes(string directory) => Folders(directory).Sum(folder => Synthesizer.BytesOf(folder.Tensors));

    /// <summary>Writes the weights into a directory that holds the configurations.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="seed">Decides all numbers.</param>
    /// <param name="written">Told the folder and the bytes of each piece, or null.</param>
    /// <param name="cancellationToken">Checked between pieces.</param>
    public static void WriteWeights(string directory, ulong seed, Action<string, long>? written, CancellationToken cancellationToken)
    {
        int before = 0;
        foreach ((string name, string file, IReadOnlyList<SyntheticTensor> tensors) in Folders(directory))
        {
            // Every tensor of the whole model has a stream of numbers of its own.
            int first = before;
            SafetensorsWriter.Write(
                Path.Combine(directory, name),
                tensors,
                Synthesizer.ShardBytes,
                (stream, i) => SyntheticNumbers.Write(stream, tensors[i], seed, first + i, count => written?.Invoke(name, count), cancellationToken),
                file);
            before += tensors.Count;
        }
    }

    private static (string Name, string File, IReadOnlyList<SyntheticTensor> Tensors)[] Folders(string directory)
    {
        return
        [
            Folder("text_encoder", Transformers, (blueprint, path) => ClapBlueprint.AddTo(blueprint, ClapConfig.Read(path))),
            Folder("text_encoder_2", Transformers, (blueprint, path) => MusicGenBlueprint.AddT5(blueprint, T5Config.From(ConfigReader.Open(path)), "")),
            Folder("projection_model", Diffusers, (blueprint, path) => DiffusionBlueprints.AddProjection(blueprint, ProjectionModelConfig.Read(path))),
            Folder("language_model", Transformers, (blueprint, path) => DiffusionBlueprints.AddGpt2(blueprint, Gpt2Config.Read(path), ConfigReader.Open(path).IntOr("vocab_size", 50257, largest: 1 << 24))),
            Folder("unet", Diffusers, (blueprint, path) => UNetBlueprint.AddTo(blueprint, UNetConfig.Read(path))),
            Folder("vae", Diffusers, (blueprint, path) => DiffusionBlueprints.AddVae(blueprint, AutoencoderKlConfig.Read(path))),
            Folder("vocoder", Transformers, (blueprint, path) => DiffusionBlueprints.AddVocoder(blueprint, HifiGanConfig.Read(path))),
        ];

        (string Name, string File, IReadOnlyList<SyntheticTensor> Tensors) Folder(string name, string file, Action<Blueprint, string> list)
        {
            Blueprint blueprint = new();
            list(blueprint, Path.Combine(directory, name, ConfigName));

            // The widest numbers first, as safetensors writes them: every tensor is aligned.
            return (name, file, [.. blueprint.Tensors.OrderByDescending(tensor => tensor.Type.Size())]);
        }
    }
}
