namespace M2UGen.Export.Graph;

/// <summary>The contents of one initializer, produced only while the graph is being saved.</summary>
internal abstract class InitializerData
{
    /// <summary>Creates the description of an initializer.</summary>
    protected InitializerData(DataType type, IReadOnlyList<long> shape)
    {
        Type = type;
        Shape = shape;
    }

    /// <summary>The element type in the file.</summary>
    public DataType Type { get; }

    /// <summary>The dimensions.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Writes all elements, little-endian and row-major.</summary>
    /// <returns>The number of bytes written.</returns>
    public abstract long WriteTo(Stream stream);
}
