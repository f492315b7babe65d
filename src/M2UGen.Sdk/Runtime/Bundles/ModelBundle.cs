using System.Security.Cryptography;
using System.Text.Json;

namespace M2UGen.Sdk.Runtime.Bundles;

/// <summary>An opened bundle directory whose manifest was checked: every listed file exists, inside the directory, with the listed size.</summary>
/// <remarks>Hashes are checked by <see cref="VerifyAsync"/> only: reading gigabytes on every start would cost more than it protects from.</remarks>
internal sealed class ModelBundle
{
    // A manifest of the largest bundle is a few hundred kilobytes; a stranger's file may not make us read more.
    private const int MaxManifestBytes = 64 << 20;

    private ModelBundle(string directory, BundleManifest manifest, string manifestSha256)
    {
        Directory = directory;
        Manifest = manifest;
        ManifestSha256 = manifestSha256;
    }

    /// <summary>The full path of the bundle.</summary>
    public string Directory { get; }

    public BundleManifest Manifest { get; }

    /// <summary>The hash of bundle.json: it names the bundle, since the manifest holds the hash of every other file.</summary>
    public string ManifestSha256 { get; }

    /// <summary>Opens the bundle at <paramref name="directory"/>.</summary>
    /// <exception cref="ModelBundleException">The directory or a listed file is missing, a size differs, or the manifest is damaged or of another version.</exception>
    public static ModelBundle Open(string directory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(directory);
        string full = Path.GetFullPath(directory);
        string manifestPath = Path.Combine(full, BundleManifest.FileName);
        if (!System.IO.Directory.Exists(full))
        {
            throw new ModelBundleException(full, $"There is no bundle directory '{full}'. Make one with 'm2ugen-export export', or correct the path.");
        }

        if (!File.Exists(manifestPath))
        {
            string hint = System.IO.Directory.EnumerateFiles(full, "config.json").Any() || System.IO.Directory.EnumerateFiles(full, "*.pth").Any()
                ? "It looks like a checkpoint: turn it into a bundle with 'm2ugen-export export' first."
                : "Export a bundle with 'm2ugen-export export', or correct the path.";
            throw new ModelBundleException(full, $"'{full}' has no {BundleManifest.FileName}, so it is not a bundle. {hint}");
        }

        byte[] bytes = WholeFile.Read(manifestPath, MaxManifestBytes, out long length)
            ?? throw new ModelBundleException(manifestPath, $"'{manifestPath}' has {length} bytes; a manifest has at most {MaxManifestBytes}.");
        BundleManifest manifest = Parse(manifestPath, bytes);
        ModelBundle bundle = new(full, manifest, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        bundle.CheckFiles();
        return bundle;
    }

    /// <summary>Opens the bundle and checks that its family's contract is kept.</summary>
    /// <exception cref="ModelBundleException">As <see cref="Open"/>, or the contract is not kept; every difference is listed.</exception>
    public static ModelBundle OpenChecked(string directory)
    {
        ModelBundle bundle = Open(directory);
        IReadOnlyList<string> problems = FamilyContract.Check(bundle.Manifest);
        return problems.Count == 0
            ? bundle
            : throw new ModelBundleException(bundle.Directory, $"Bundle '{bundle.Directory}' of family '{bundle.Manifest.Family}' does not keep its contract:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}{Environment.NewLine}Export it again with this version of m2ugen-export.");
    }

    /// <summary>Every file the manifest lists.</summary>
    public IEnumerable<BundleFile> Files =>
        Manifest.Components.Values.SelectMany(component => component.Files)
            .Concat(Manifest.Tensors.Values.Select(tensor => tensor.File))
            .Concat(Manifest.Tokenizers.Values.SelectMany(tokenizer => tokenizer.Files))
            .Concat(Manifest.Indexes.Values);

    /// <summary>The folder of a tokenizer, full path.</summary>
    /// <exception cref="ModelBundleException">The bundle has no such tokenizer.</exception>
    public string TokenizerFolder(string name) => Manifest.Tokenizers.TryGetValue(name, out BundleTokenizer? tokenizer)
        ? PathOf(tokenizer.Folder)
        : throw new ModelBundleException(Directory, $"Bundle '{Directory}' has no tokenizer '{name}', so it cannot read captions. Export it again with this version of m2ugen-export.");

    /// <summary>The component called <paramref name="name"/>.</summary>
    /// <exception cref="ModelBundleException">The bundle has no such component.</exception>
    public BundleComponent Component(string name) => Manifest.Components.TryGetValue(name, out BundleComponent? component)
        ? component
        : throw new ModelBundleException(Directory, $"Bundle '{Directory}' of family '{Manifest.Family}' has no component '{name}'. It has: {string.Join(", ", Manifest.Components.Keys)}. Export it again with this version of m2ugen-export.");

    /// <summary>The full path of a file named in the manifest.</summary>
    /// <exception cref="ModelBundleException">The name leads out of the bundle.</exception>
    public string PathOf(string relative)
    {
        // A stranger's manifest may not make us open files elsewhere.
        string path = Path.GetFullPath(Path.Combine(Directory, relative));
        return path.StartsWith(Directory + Path.DirectorySeparatorChar, StringComparison.Ordinal) && !Path.IsPathRooted(relative)
            ? path
            : throw new ModelBundleException(Directory, $"{BundleManifest.FileName} names the file '{relative}', which lies outside the bundle '{Directory}'.");
    }

    /// <summary>Reads a constant tensor.</summary>
    /// <exception cref="ModelBundleException">The bundle has no such tensor, or its file does not have the size that its shape needs.</exception>
    public float[] ReadTensor(string name)
    {
        if (!Manifest.Tensors.TryGetValue(name, out BundleTensor? tensor))
        {
            throw new ModelBundleException(Directory, $"Bundle '{Directory}' has no tensor '{name}'. Export it again with this version of m2ugen-export.");
        }

        string path = PathOf(tensor.File.Path);
        long elements = 1;
        foreach (long dimension in tensor.Shape)
        {
            elements = dimension is < 0 or > int.MaxValue || elements > int.MaxValue ? long.MaxValue / 8 : elements * dimension;
        }

        if (elements > int.MaxValue || elements * sizeof(float) != tensor.File.Size)
        {
            throw new ModelBundleException(path, $"Tensor '{name}' of shape [{string.Join(", ", tensor.Shape)}] does not fit its file '{path}' of {tensor.File.Size} bytes.");
        }

        byte[] bytes = File.ReadAllBytes(path);
        float[] values = new float[elements];
        if (bytes.Length != elements * sizeof(float))
        {
            throw new ModelBundleException(path, $"'{path}' has {bytes.Length} bytes, expected {elements * sizeof(float)}.");
        }

        Buffer.BlockCopy(bytes, 0, values, 0, bytes.Length);
        return values;
    }

    /// <summary>Compares the SHA-256 of every file with the manifest.</summary>
    /// <param name="progress">Told about every block that was read: the file, and the bytes of all files.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>One line per file that differs; empty when all is as it was written.</returns>
    public async Task<IReadOnlyList<string>> VerifyAsync(IProgress<(string File, long BytesDone, long BytesTotal)>? progress = null, CancellationToken cancellationToken = default)
    {
        List<string> differences = [];
        long total = Files.Sum(file => file.Size);
        long done = 0;
        byte[] block = new byte[1 << 20];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (BundleFile file in Files)
        {
            FileStream stream = new(PathOf(file.Path), FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1, useAsync: true);
            await using (stream.ConfigureAwait(false))
            {
                int count;
                while ((count = await stream.ReadAsync(block, cancellationToken).ConfigureAwait(false)) > 0)
                {
                    hash.AppendData(block, 0, count);
                    done += count;
                    progress?.Report((file.Path, done, total));
                }
            }

            string found = Convert.ToHexStringLower(hash.GetHashAndReset());
            if (found != file.Sha256)
            {
                differences.Add($"{file.Path}: SHA-256 {found}, expected {file.Sha256}");
            }
        }

        return differences;
    }

    private static BundleManifest Parse(string path, byte[] bytes)
    {
        try
        {
            // The version is looked at first: a later format may not parse as this one at all.
            using (JsonDocument document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 32 }))
            {
                if (document.RootElement.ValueKind != JsonValueKind.Object
                    || !document.RootElement.TryGetProperty("format_version", out JsonElement version)
                    || !version.TryGetInt32(out int number))
                {
                    throw new ModelBundleException(path, $"'{path}' has no format_version. Export the bundle again with m2ugen-export.");
                }

                if (number != BundleManifest.CurrentFormatVersion)
                {
                    throw new ModelBundleException(path, $"'{path}' has format version {number}; this library reads version {BundleManifest.CurrentFormatVersion}. {(number > BundleManifest.CurrentFormatVersion ? "Update the library, or export" : "Export")} the bundle again with the matching m2ugen-export.");
                }
            }

            BundleManifest manifest = JsonSerializer.Deserialize(bytes, BundleJson.Default.BundleManifest)
                ?? throw new ModelBundleException(path, $"'{path}' holds null.");
            return HasNullElement(manifest) ? throw new ModelBundleException(path, $"'{path}' is not a valid manifest: a list or table in it holds null.") : manifest;
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException or ArgumentException or InvalidOperationException)
        {
            throw new ModelBundleException(path, $"'{path}' is not a valid manifest: {exception.Message}", exception);
        }
    }

    // The serializer keeps null out of properties, not out of lists and tables.
    private static bool HasNullElement(BundleManifest manifest) =>
        manifest.Components.Values.Any(component => component is null || component.Files.Contains(null!) || component.Inputs.Contains(null!) || component.Outputs.Contains(null!))
        || manifest.Tensors.ContainsValue(null!)
        || manifest.Indexes.ContainsValue(null!)
        || manifest.Tokenizers.Values.Any(tokenizer => tokenizer is null || tokenizer.Files.Contains(null!))
        || manifest.Sources.Contains(null!)
        || manifest.Licences.Contains(null!);

    private void CheckFiles()
    {
        List<string> problems = [];
        foreach ((string name, BundleComponent component) in Manifest.Components)
        {
            if (component.Files.All(file => file.Path != component.Graph))
            {
                problems.Add($"component '{name}': its graph '{component.Graph}' is not among its files");
            }
        }

        foreach (BundleFile file in Files)
        {
            string path = PathOf(file.Path);
            if (!File.Exists(path))
            {
                problems.Add($"{file.Path}: missing");
            }
            else if (WholeFile.LengthOf(path) is long length && length != file.Size)
            {
                problems.Add($"{file.Path}: {length} bytes, expected {file.Size}");
            }
        }

        if (problems.Count > 0)
        {
            throw new ModelBundleException(Directory, $"Bundle '{Directory}' is incomplete:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}{Environment.NewLine}Copy it again, or export it again with m2ugen-export.");
        }
    }
}
