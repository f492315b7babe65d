namespace M2UGen.Sdk.Music.MusicGen;

/// <summary>The strongest pitch class of every frame of a melody.</summary>
/// <param name="ChromaCount">Pitch classes.</param>
/// <param name="Classes">[frames], each 0 to ChromaCount - 1; silence is class 0.</param>
/// <param name="Normalised">[frames × ChromaCount]: energies divided by the frame's largest, before the strongest is taken.</param>
internal sealed record ChromaFeatures(int ChromaCount, int[] Classes, float[] Normalised)
{
    /// <summary>Frames: 1 + samples / hop.</summary>
    public int FrameCount => Classes.Length;

    /// <summary>One-hot rows, [frames × ChromaCount].</summary>
    public float[] OneHot() => Fit(FrameCount);

    /// <summary>The rows that condition the decoder: all frames repeated whole until they are enough, then cut.</summary>
    /// <param name="chromaLength">Rows wanted (chroma_length).</param>
    /// <returns>One-hot, [chromaLength × ChromaCount].</returns>
    public float[] Fit(int chromaLength)
    {
        float[] rows = new float[chromaLength * ChromaCount];
        for (int row = 0; row < chromaLength; row++)
        {
            rows[(row * ChromaCount) + Classes[row % FrameCount]] = 1;
        }

        return rows;
    }

    /// <summary>What stands where there is no melody, and in the unconditional half of guidance: class 0 in every row, [chromaLength × chromaCount].</summary>
    public static float[] None(int chromaLength, int chromaCount) => new ChromaFeatures(chromaCount, [0], []).Fit(chromaLength);
}
