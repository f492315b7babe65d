namespace M2UGen.Sdk.Mini;

/// <summary>musicgen-mini: a very small text-to-music model that comes with this package, so that the first piece of music needs no download.</summary>
/// <remarks>
/// It follows the instrument named in an English caption, the mood weakly and the tempo not yet; its model card (in the package) says what was measured.
/// Better weights of the same format may replace it in a later version: read sizes from the bundle, never from here.
/// </remarks>
public static class MiniModel
{
    /// <summary>Name of the folder beside the application that the build copies the bundle to.</summary>
    private const string FolderName = "musicgen-mini";

    /// <summary>Full path of the bundle, for <see cref="M2UGenPipeline.FromBundle"/>.</summary>
    /// <remarks>The build puts the bundle beside the application. Where it was moved or left out of a deployment, opening it fails with a <see cref="ModelBundleException"/> that names this path.</remarks>
    public static string BundlePath { get; } = Path.Combine(AppContext.BaseDirectory, FolderName);
}
