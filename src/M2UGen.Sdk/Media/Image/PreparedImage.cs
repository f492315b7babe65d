namespace M2UGen.Sdk.Media.Image;

/// <summary>A picture's file as Skia is to see it.</summary>
/// <param name="File">The file; where there is a palette, with a ramp in its place, so that the decoded grey values are the indices.</param>
/// <param name="Orientation">EXIF orientation, 1 to 8; 1 is upright.</param>
/// <param name="Palette">What the indices mean; null for pictures without a palette.</param>
internal readonly record struct PreparedImage(ReadOnlyMemory<byte> File, int Orientation, ImagePalette? Palette);
