namespace M2UGen.Sdk;

/// <summary>Where loading a bundle stands.</summary>
/// <param name="Component">The component being opened, by its name in bundle.json; "bundle" while the manifest is read and checked.</param>
/// <param name="Fraction">The part that is done, from 0 to 1, weighted by file sizes.</param>
public readonly record struct LoadProgress(string Component, double Fraction);
