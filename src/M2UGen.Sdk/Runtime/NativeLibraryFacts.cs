namespace M2UGen.Sdk.Runtime;

/// <summary>What is known of the native ONNX Runtime library without the managed half, which cannot even be asked where the two do not fit.</summary>
/// <param name="Path">The file that is loaded; null where none is, or the system does not tell.</param>
/// <param name="Version">What it calls itself; null where it was not loaded.</param>
/// <param name="Problem">Why it cannot be used, in the words of the loader or of the managed half; null where it can.</param>
/// <param name="Candidates">Where it is looked for.</param>
internal sealed record NativeLibraryFacts(string? Path, string? Version, string? Problem, IReadOnlyList<LibraryCandidate> Candidates);

/// <summary>A place where a native library is looked for.</summary>
/// <param name="Path">A file, or the name of a search of the system's own.</param>
/// <param name="Exists">Whether the file is there; null for a search.</param>
internal sealed record LibraryCandidate(string Path, bool? Exists);
