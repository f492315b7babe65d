using Microsoft.Win32.SafeHandles;

namespace M2UGen.Sdk.Runtime.Bundles;

/// <summary>Lengths and contents of files, through symbolic links too: <see cref="FileInfo.Length"/> is the link's own length, and a cache of downloads is full of links.</summary>
internal static class WholeFile
{
    /// <summary>The length of the file that <paramref name="path"/> leads to, in bytes; 0 for a device.</summary>
    public static long LengthOf(string path)
    {
        using SafeFileHandle handle = File.OpenHandle(path);
        return RandomAccess.GetLength(handle);
    }

    /// <summary>Reads a file, unless it is longer than <paramref name="longest"/>; never more than the length it had when it was opened.</summary>
    /// <param name="path">The file.</param>
    /// <param name="longest">The most bytes that are read.</param>
    /// <param name="length">The file's length.</param>
    /// <returns>The contents, or null where the file is longer.</returns>
    /// <exception cref="IOException">It is absent or cannot be read.</exception>
    public static byte[]? Read(string path, int longest, out long length)
    {
        using SafeFileHandle handle = File.OpenHandle(path);
        length = RandomAccess.GetLength(handle);
        if (length > longest)
        {
            return null;
        }

        byte[] bytes = new byte[length];
        int done = 0;
        int read;
        while ((read = RandomAccess.Read(handle, bytes.AsSpan(done), done)) > 0)
        {
            done += read;
        }

        return done == bytes.Length ? bytes : throw new EndOfStreamException($"'{path}' became shorter while it was being read.");
    }
}
