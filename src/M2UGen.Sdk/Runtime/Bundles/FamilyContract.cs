namespace M2UGen.Sdk.Runtime.Bundles;

/// <summary>
/// What the pipeline relies on in each family: components, constants, tokenizers, and of every component the inputs and outputs with element
/// type and rank. Checked when a bundle is opened, before a graph is loaded; sizes are the checkpoint's and are not fixed here.
/// </summary>
internal static class FamilyContract
{
    private static readonly TensorElementKind[] F32 = [TensorElementKind.Float];
    private static readonly TensorElementKind[] I32 = [TensorElementKind.Int32];
    private static readonly TensorElementKind[] I64 = [TensorElementKind.Int64];

    // What only graphs read is stored as the exporter chose.
    private static readonly TensorElementKind[] Cache = [TensorElementKind.Float, TensorElementKind.Float16, TensorElementKind.Int8];

    private static readonly Dictionary<string, Edge[]> Components = new(StringComparer.Ordinal)
    {
        ["llama"] =
        [
            In("input_ids", I64, 2), In("prefix", F32, 2), In("seqlens_k", I32, 1), In("total_sequence_length", I32, 0),
            In("past_key_values.0.key", Cache, 4), In("past_key_values.0.value", Cache, 4),
            Out("logits", F32, 2), Out("hidden_states", F32, 2), Out("present.0.key", Cache, 4), Out("present.0.value", Cache, 4),
        ],
        ["projector"] = [In("hidden_states", F32, 3), Out("embedding", F32, null)],
        ["t5"] = [In("input_ids", I64, 2), In("attention_mask", I64, 2), Out("last_hidden_state", F32, 3)],
        ["musicgen-condition"] = [In("encoder_hidden_states", F32, 3), In("attention_mask", I64, 2)],
        ["musicgen-decoder"] =
        [
            In("input_ids", I64, 3), In("position_ids", I64, 1), In("seqlens_k", I32, 1), In("total_sequence_length", I32, 0),
            In("past_key_values.0.key", Cache, 4), In("past_key_values.0.value", Cache, 4),
            Out("logits", F32, 3), Out("present.0.key", Cache, 4), Out("present.0.value", Cache, 4),
        ],
        ["encodec-decoder"] =
        [
            In("codes", I64, 3), In("lstm_h", F32, 3), In("lstm_c", F32, 3), In("context", F32, 3), In("drop_left", I64, 1), In("drop_right", I64, 1),
            Out("audio", F32, 3), Out("lstm_h_out", F32, 3), Out("lstm_c_out", F32, 3), Out("context_out", F32, 3),
        ],
        ["encodec-encoder"] = [In("audio", F32, 3), Out("codes", I64, 3)],
        ["clap-text"] = [In("input_ids", I64, 2), In("attention_mask", I64, 2), Out("text_embeds", F32, 2)],
        ["projection"] =
        [
            In("clap_hidden_states", F32, 3), In("clap_attention_mask", I64, 2), In("t5_hidden_states", F32, 3), In("t5_attention_mask", I64, 2),
            Out("hidden_states", F32, 3), Out("attention_mask", I64, 2),
        ],
        ["gpt2"] = [In("inputs_embeds", F32, 3), In("position_ids", I64, 2), Out("next_embeds", F32, 3)],
        ["unet"] = [In("sample", F32, 4), In("time_projections", F32, 2), Out("out_sample", F32, 4)],
        ["unet-time"] = [In("timesteps", F32, 1), Out("time_projections", F32, 2)],
        ["vae-decoder"] = [In("latents", F32, 4), Out("mel", F32, 4)],
        ["vocoder"] = [In("mel", F32, 3), Out("waveform", F32, 2)],
        ["mert"] = [In("input_values", F32, 2), Out("feature", F32, 2), Out("feature_over_states", F32, 2)],
        ["vit"] = [In("pixel_values", F32, 4), Out("feature", F32, 2)],
        ["vivit"] = [In("pixel_values", F32, 5), Out("feature", F32, 2)],
        ["prefix-audio"] = [In("feature", F32, 2), Out("prefix", F32, 2)],
        ["prefix-image"] = [In("feature", F32, 2), Out("prefix", F32, 2)],
        ["prefix-video"] = [In("feature", F32, 2), Out("prefix", F32, 2)],
    };

    // A sense may be absent, but not by halves, except where an encoder is exported alone.
    private static readonly (string Encoder, string Prefix)[] Senses = [("mert", "prefix-audio"), ("vit", "prefix-image"), ("vivit", "prefix-video")];

    private static readonly string[] MusicGenComponents = ["t5", "musicgen-condition", "musicgen-decoder", "encodec-decoder", "encodec-encoder"];

    private static readonly string[] AudioLdm2Components = ["clap-text", "clap-audio", "t5", "projection", "gpt2", "unet", "unet-condition", "unet-time", "vae-decoder", "vocoder"];

    /// <summary>Lists everything the manifest lacks for its family; empty when it keeps the contract.</summary>
    public static IReadOnlyList<string> Check(BundleManifest manifest)
    {
        List<string> problems = [];
        (string[] components, string[] tensors, string[] tokenizers)? needed = manifest.Family switch
        {
            BundleFamily.MusicGen => (MusicGenComponents, [], ["t5"]),
            BundleFamily.M2UGen => (["llama"], ["prefix-text"], ["llama"]),
            BundleFamily.AudioLdm2 => (AudioLdm2Components, [], ["roberta", "t5"]),
            BundleFamily.AudioLdm2Part or BundleFamily.M2UGenEncoder => ([], [], []),
            BundleFamily.M2UGenAudioLdm2 => (["llama", "projector", .. AudioLdm2Components], ["prefix-text"], ["llama", "roberta", "t5"]),
            BundleFamily.M2UGenMusicGen => (["llama", "projector", .. MusicGenComponents], ["prefix-text"], ["llama", "t5"]),
            _ => null,
        };
        if (needed is not { } contract)
        {
            problems.Add($"family '{manifest.Family}' is not known to this version; known: {BundleFamily.MusicGen}, {BundleFamily.AudioLdm2}, {BundleFamily.AudioLdm2Part}, {BundleFamily.M2UGen}, {BundleFamily.M2UGenMusicGen}, {BundleFamily.M2UGenAudioLdm2}, {BundleFamily.M2UGenEncoder}");
            return problems;
        }

        if (manifest.Components.Count == 0 && contract.components.Length == 0)
        {
            problems.Add("there is no component");
        }

        Missing("component", contract.components, manifest.Components.ContainsKey, problems);
        Missing("tensor", contract.tensors, manifest.Tensors.ContainsKey, problems);
        Missing("tokenizer", contract.tokenizers, manifest.Tokenizers.ContainsKey, problems);
        foreach ((string encoder, string prefix) in Senses)
        {
            if (manifest.Family != BundleFamily.M2UGenEncoder && manifest.Components.ContainsKey(encoder) != manifest.Components.ContainsKey(prefix))
            {
                problems.Add($"of the components '{encoder}' and '{prefix}', which need each other, one is missing");
            }
        }

        foreach ((string name, BundleComponent component) in manifest.Components)
        {
            if (Components.TryGetValue(name, out Edge[]? edges))
            {
                foreach (Edge edge in edges)
                {
                    Check(name, component, edge, problems);
                }
            }
        }

        return problems;
    }

    private static void Missing(string what, string[] names, Func<string, bool> isThere, List<string> problems)
    {
        foreach (string name in names.Where(name => !isThere(name)))
        {
            problems.Add($"{what} '{name}' is missing");
        }
    }

    private static void Check(string component, BundleComponent description, Edge edge, List<string> problems)
    {
        string side = edge.IsInput ? "input" : "output";
        TensorSpec? found = (edge.IsInput ? description.Inputs : description.Outputs).FirstOrDefault(spec => spec.Name == edge.Name);
        if (found is null)
        {
            problems.Add($"component '{component}' has no {side} '{edge.Name}'");
        }
        else if (!edge.Kinds.Contains(found.Kind) || (edge.Rank is { } rank && found.Dimensions.Count != rank))
        {
            problems.Add($"component '{component}', {side} '{edge.Name}': expected {string.Join(" or ", edge.Kinds)} of rank {edge.Rank}, found {found}");
        }
    }

    private static Edge In(string name, TensorElementKind[] kinds, int? rank) => new(true, name, kinds, rank);

    private static Edge Out(string name, TensorElementKind[] kinds, int? rank) => new(false, name, kinds, rank);

    private sealed record Edge(bool IsInput, string Name, TensorElementKind[] Kinds, int? Rank);
}
