namespace M2UGen.Parity;

/// <summary>A case that cannot be run as it lies there: a missing file, tensor or setting.</summary>
internal sealed class ParityException(string message, Exception? inner = null) : Exception(message, inner);
