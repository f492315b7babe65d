namespace M2UGen.Testing;

/// <summary>Finds the repository's own files from a test's output folder.</summary>
internal static class Repository
{
    /// <summary>The folder that holds M2UGen.Sdk.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A golden case that was copied into the repository, by folder name.</summary>
    public static string Golden(string name) => Path.Combine(Root, "tests", "TestData", "goldens", name);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "M2UGen.Sdk.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No M2UGen.Sdk.sln above '{AppContext.BaseDirectory}'.");
    }
}
