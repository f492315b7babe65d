namespace M2UGen.Export.Configs;

/// <summary>What the <c>config.json</c> of an AudioLDM2ProjectionModel says (diffusers 0.21.4, modeling_audioldm2.py), its spelling included.</summary>
/// <param name="ClapSize">Width of CLAP's text embedding.</param>
/// <param name="T5Size">Width of T5's states.</param>
/// <param name="LanguageSize">Width of GPT-2.</param>
internal sealed record ProjectionModelConfig(int ClapSize, int T5Size, int LanguageSize)
{
    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="Checkpoints.CheckpointException">It is another model's, or misstates something; all of it is listed.</exception>
    public static ProjectionModelConfig Read(string path)
    {
        ConfigReader config = ConfigReader.Open(path);
        string className = config.TextOr("_class_name", "AudioLDM2ProjectionModel");
        config.Require(className == "AudioLDM2ProjectionModel", "_class_name", $"'{className}' is not supported; expected 'AudioLDM2ProjectionModel'");

        // Later versions of diffusers can add learnt positions for a third kind of encoder, which is not a music model's.
        config.Require(!config.BoolOr("use_learned_position_embedding", false), "use_learned_position_embedding", "true is not supported; expected false");
        ProjectionModelConfig read = new(config.Int("text_encoder_dim"), config.Int("text_encoder_1_dim"), config.Int("langauge_model_dim"));
        config.ThrowIfWrong("an AudioLDM2 projection model");
        return read;
    }
}
