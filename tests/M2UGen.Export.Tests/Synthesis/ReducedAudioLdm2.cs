using System.Text.Json.Nodes;
using M2UGen.Export.Synthesis;

namespace M2UGen.Export.Tests.Synthesis;

/// <summary>Made-up AudioLDM2 directories, narrow and shallow so that they are small.</summary>
internal static class ReducedAudioLdm2
{
    /// <summary>The published configurations with other sizes.</summary>
    public static void Write(string directory, ulong seed)
    {
        AudioLdm2Writer.WriteFiles(directory, layers: 1);
        Edit("text_encoder", config =>
        {
            config["projection_dim"] = 16;
            JsonObject audio = config["audio_config"]!.AsObject();
            audio["patch_embeds_hidden_size"] = 8;
            audio["hidden_size"] = 64;
            audio["depths"] = new JsonArray(1, 1, 1, 1);
            audio["num_attention_heads"] = new JsonArray(1, 2, 2, 4);
            JsonObject text = config["text_config"]!.AsObject();
            text["hidden_size"] = 16;
            text["intermediate_size"] = 24;
            text["num_attention_heads"] = 2;
            text["num_hidden_layers"] = 1;
        });
        Edit("text_encoder_2", config => (config["d_model"], config["d_kv"], config["d_ff"], config["num_heads"], config["num_layers"]) = (12, 4, 20, 3, 2));
        Edit("projection_model", config => (config["text_encoder_dim"], config["text_encoder_1_dim"], config["langauge_model_dim"]) = (16, 12, 8));
        Edit("language_model", config => (config["n_embd"], config["n_head"], config["vocab_size"]) = (8, 2, 64));
        Edit("unet", config =>
        {
            config["block_out_channels"] = new JsonArray(8, 4, 12);
            config["attention_head_dim"] = 2;
            config["norm_num_groups"] = 2;
            config["cross_attention_dim"] = new JsonArray([.. Enumerable.Range(0, 3).Select(_ => new JsonArray(null, 8, 12))]);
            config["down_block_types"] = new JsonArray("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D");
            config["up_block_types"] = new JsonArray("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D");
        });
        Edit("vae", config => (config["block_out_channels"], config["norm_num_groups"]) = (new JsonArray(4, 6, 8), 2));
        Edit("vocoder", config => config["upsample_initial_channel"] = 32);
        AudioLdm2Writer.WriteWeights(directory, seed, written: null, CancellationToken.None);

        void Edit(string folder, Action<JsonObject> edit)
        {
            string path = Path.Combine(directory, folder, "config.json");
            JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            edit(config);
            File.WriteAllText(path, config.ToJsonString());
        }
    }
}
