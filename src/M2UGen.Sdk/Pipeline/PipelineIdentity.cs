namespace M2UGen.Sdk.Pipeline;

/// <summary>What is the same for every result of a pipeline.</summary>
/// <param name="BundleHash">SHA-256 of bundle.json.</param>
/// <param name="Family">The bundle's family.</param>
/// <param name="Provider">The execution provider.</param>
/// <param name="Threads">Threads of one operator.</param>
/// <param name="RuntimeVersion">Version of ONNX Runtime.</param>
internal sealed record PipelineIdentity(string BundleHash, string Family, string Provider, int Threads, string RuntimeVersion);
