namespace M2UGen.Sdk;

/// <summary>The stages of a request, in their order. A request reports only those it has.</summary>
public enum GenerationStage
{
    /// <summary>Media become features (requests with audio, image or video).</summary>
    Encode = 0,

    /// <summary>The language model reads the prompt and writes its answer.</summary>
    Language = 1,

    /// <summary>The music decoder makes codes or latents.</summary>
    Music = 2,

    /// <summary>Codes or latents become the last samples of sound.</summary>
    Decode = 3,
}
