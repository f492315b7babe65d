using System.Security.Cryptography;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Bundles;

/// <summary>Hashes and copies files in blocks, telling how far it is.</summary>
internal static class FileHash
{
    private const int BlockBytes = 1 << 20;

    /// <summary>Takes a file's size and SHA-256 and, where <paramref name="copyTo"/> is given, copies it on the way.</summary>
    /// <param name="source">The file to read.</param>
    /// <param name="name">The path to record.</param>
    /// <param name="copyTo">A file that must not exist yet, or null.</param>
    /// <param name="read">Called with the number of bytes read since the last call.</param>
    /// <param name="cancellationToken">Checked at each block.</param>
    public static BundleFile Take(string source, string name, string? copyTo, Action<long>? read, CancellationToken cancellationToken)
    {
        using FileStream input = new(source, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1, FileOptions.SequentialScan);
        using FileStream? output = copyTo is null ? null : new FileStream(copyTo, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] block = new byte[BlockBytes];
        long size = 0;

        // No more than was there when it was opened: a device has no end.
        long length = input.Length;
        int count;
        while ((count = input.Read(block, 0, (int)Math.Min(block.Length, length - size))) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(block, 0, count);
            output?.Write(block, 0, count);
            size += count;
            read?.Invoke(count);
        }

        output?.Flush(flushToDisk: true);
        return new BundleFile(name, size, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
