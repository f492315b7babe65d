namespace M2UGen.Sdk.Pipeline;

/// <summary>Refuses media that the bundle has no encoder for, before anything is read.</summary>
internal static class MediaCheck
{
    /// <exception cref="UnsupportedCapabilityException">The bundle has no language model, or not the encoder that a medium needs.</exception>
    public static void ThrowIfImpossible(M2UGenRequest request, PipelineParts parts)
    {
        RequestMedia media = request.Media;
        string family = parts.Identity.Family;
        if (parts.Language is null && !media.IsEmpty)
        {
            throw new UnsupportedCapabilityException(
                CapabilityOf(media),
                $"A bundle of family '{family}' has no language model, so it can neither listen to sound nor look at pictures and films. Use a bundle exported from an M2UGen checkpoint; to go on from a piece of sound use WithAudioPrompt, to follow its melody WithMelody.");
        }

        Require(media.Audio is not null, parts.Encoders?.HearsAudio, "audio input", "has no encoder for sound (MERT)", "--mert_path");
        Require(media.Image is not null, parts.Encoders?.SeesImages, "image input", "has no encoder for pictures (ViT)", "--vit_path");
        Require(media.Video is not null, parts.Encoders?.SeesVideo, "video input", "has no encoder for films (ViViT)", "--vivit_path");
        Require(request.Knn is not null && !HasIndex(request.Knn, parts), false, "kNN cache", "holds no collection of features to mix with", "--knn_dir");

        void Require(bool wanted, bool? there, string capability, string lack, string exportSwitch)
        {
            if (wanted && there is not true)
            {
                throw new UnsupportedCapabilityException(capability, $"This bundle of family '{family}' {lack}. Export the checkpoint again with {exportSwitch}.");
            }
        }
    }

    private static bool HasIndex(KnnOptions knn, PipelineParts parts) => knn.IndexPath is not null || parts.Encoders is { HasKnn: true };

    private static string CapabilityOf(RequestMedia media) => media.Audio is not null ? "audio input" : media.Image is not null ? "image input" : "video input";
}
