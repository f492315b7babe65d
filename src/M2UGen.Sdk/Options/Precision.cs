namespace M2UGen.Sdk;

/// <summary>How the weights of a bundle are stored.</summary>
public enum Precision
{
    /// <summary>32-bit floats: the numbers of the reference.</summary>
    Float32 = 0,

    /// <summary>16-bit floats.</summary>
    Float16 = 1,
}
