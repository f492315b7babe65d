using System.Runtime.InteropServices;
using System.Text.Json;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Bundles;

/// <summary>Puts other numbers into constants of a finished bundle.</summary>
internal static class BundleTensors
{
    /// <summary>Replaces tensors. The new ones lie in files of their own, and one rename of the manifest makes them count: before it the bundle is the old one, after it the new one.</summary>
    /// <param name="directory">The bundle.</param>
    /// <param name="tensors">Elements by name; as many as the bundle's tensor of that name has.</param>
    /// <param name="cancellationToken">Stops before anything counts.</param>
    public static void Replace(string directory, IReadOnlyDictionary<string, float[]> tensors, CancellationToken cancellationToken)
    {
        ModelBundle bundle = ModelBundle.OpenChecked(directory);
        SortedDictionary<string, BundleTensor> replaced = new(bundle.Manifest.Tensors, StringComparer.Ordinal);
        List<string> written = [];
        List<string> left = [];
        try
        {
            foreach ((string name, float[] elements) in tensors)
            {
                BundleTensor old = replaced[name];
                ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(elements.AsSpan());
                if (bytes.Length != old.File.Size)
                {
                    throw new InvalidOperationException($"Tensor '{name}' has {old.File.Size} bytes; {bytes.Length} cannot take their place.");
                }

                string file = OtherName(name, old.File.Path);
                string path = bundle.PathOf(file);
                File.Delete(path);
                written.Add(path);
                Write(path, bytes, FileMode.CreateNew);
                left.Add(bundle.PathOf(old.File.Path));
                replaced[name] = old with { File = FileHash.Take(path, file, copyTo: null, read: null, cancellationToken) };
            }

            cancellationToken.ThrowIfCancellationRequested();
            string manifest = bundle.PathOf(BundleManifest.FileName);
            string aside = $"{manifest}.new";
            Write(aside, JsonSerializer.SerializeToUtf8Bytes(bundle.Manifest with { Tensors = replaced }, BundleJson.Default.BundleManifest), FileMode.Create);
            File.Move(aside, manifest, overwrite: true);
        }
        catch
        {
            written.ForEach(File.Delete);
            throw;
        }

        left.ForEach(File.Delete);
    }

    private static string OtherName(string tensor, string current) => current == $"{tensor}.bin" ? $"{tensor}.measured.bin" : $"{tensor}.bin";

    private static void Write(string path, ReadOnlySpan<byte> bytes, FileMode mode)
    {
        using FileStream stream = new(path, mode, FileAccess.Write, FileShare.None);
        stream.Write(bytes);
        stream.Flush(flushToDisk: true);
    }
}
