namespace M2UGen.Sdk.Runtime;

/// <summary>What the doctor asks of the native library; another one in tests, since a process cannot lose the library that it has loaded.</summary>
internal interface INativeRuntime
{
    /// <summary>What can be said of the library. Never throws.</summary>
    NativeLibraryFacts Describe();

    /// <summary>The execution providers it has.</summary>
    IReadOnlyList<string> Providers();

    /// <summary>Makes a session where the options say, or throws why not.</summary>
    void CheckSession(RuntimeOptions options);
}
