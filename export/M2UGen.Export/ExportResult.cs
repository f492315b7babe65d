namespace M2UGen.Export;

/// <summary>A finished bundle.</summary>
/// <param name="BundlePath">Its directory, in full.</param>
/// <param name="Family">Which models it holds: <c>m2ugen-musicgen</c>, <c>m2ugen-audioldm2</c>, <c>m2ugen</c>, <c>musicgen</c>, <c>audioldm2</c>.</param>
/// <param name="Components">The names of its graphs.</param>
/// <param name="Bytes">The size of all its files.</param>
/// <param name="ManifestSha256">The SHA-256 of bundle.json, which names the bundle: equal sources and options give an equal one.</param>
/// <param name="Warnings">What the user should know about the sources.</param>
public sealed record ExportResult(string BundlePath, string Family, IReadOnlyList<string> Components, long Bytes, string ManifestSha256, IReadOnlyList<string> Warnings);
