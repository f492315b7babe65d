namespace M2UGen.Sdk;

/// <summary>How the weights of a bundle are stored.</summary>
public enum Precision
{
    /// <summary>32-bit floats: the numbers of the reference.</summary>
    Float32 = 0,

    /// <summary>16-bit floats.</summary>
    Float16 = 1,

    /// <summary>8-bit integers in blocks with a scale each: about a quarter of the size, hardly any difference to hear or read.</summary>
    Int8 = 2,

    /// <summary>4-bit integers in blocks with a scale each: about an eighth of the size, and the fastest; answers and music differ from the reference's.</summary>
    Int4 = 3,
}
