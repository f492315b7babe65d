namespace M2UGen.Sdk.Encoders;

/// <summary>What a request's media became: an encoder's feature each, or null for a medium that the request does not have.</summary>
internal sealed record MediaFeatures
{
    /// <summary>From <see cref="MediaEncoders.EncodeAudio"/>.</summary>
    public float[]? Audio { get; init; }

    /// <summary>From <see cref="MediaEncoders.EncodeImage"/>.</summary>
    public float[]? Image { get; init; }

    /// <summary>From <see cref="MediaEncoders.EncodeVideo"/>.</summary>
    public float[]? Video { get; init; }
}
