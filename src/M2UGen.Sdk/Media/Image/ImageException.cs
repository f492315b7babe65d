namespace M2UGen.Sdk.Media.Image;

/// <summary>What is wrong with a picture; becomes a <see cref="MediaFormatException"/> with the file's name where the file is known.</summary>
internal sealed class ImageException(string message, Exception? innerException = null) : Exception(message, innerException);
