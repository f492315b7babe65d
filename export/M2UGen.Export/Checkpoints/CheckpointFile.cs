using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace M2UGen.Export.Checkpoints;

/// <summary>A file opened for positioned reads: its length is known, nothing is read ahead, and every failure names it.</summary>
internal sealed class CheckpointFile : IDisposable
{
    private readonly SafeFileHandle handle;
    private readonly Lock mapLock = new();
    private MemoryMappedFile? map;
    private bool disposed;

    private CheckpointFile(string path, SafeFileHandle handle)
    {
        Path = path;
        this.handle = handle;
        Length = RandomAccess.GetLength(handle);
    }

    /// <summary>The path as the caller gave it.</summary>
    public string Path { get; }

    /// <summary>Length in bytes when the file was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="CheckpointException">It is absent, a directory, or may not be read.</exception>
    public static CheckpointFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return new CheckpointFile(path, handle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            handle?.Dispose();
            string reason = e switch
            {
                FileNotFoundException or DirectoryNotFoundException => "there is no such file.",
                _ when Directory.Exists(path) => "is a directory; name a checkpoint file in it.",
                _ => $"cannot be opened: {e.Message}",
            };
            throw new CheckpointException(path, reason, e);
        }
    }

    /// <summary>Reads exactly <paramref name="destination"/>'s length from <paramref name="offset"/>.</summary>
    public void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length || destination.Length > Length - offset)
        {
            throw Fail($"is cut off: {destination.Length} bytes at {offset} are wanted, the file ends at {Length}.");
        }

        try
        {
            while (!destination.IsEmpty)
            {
                int read = RandomAccess.Read(handle, destination, offset);
                if (read == 0)
                {
                    throw Fail("became shorter while it was being read.");
                }

                destination = destination[read..];
                offset += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(Path, $"cannot be read at {offset}: {e.Message}", e);
        }
    }

    /// <summary>Reads a small part that is known to lie inside the file.</summary>
    public byte[] Read(long offset, int count)
    {
        if (offset < 0 || offset > Length || count > Length - offset)
        {
            throw Fail($"is cut off: {count} bytes at {offset} are wanted, the file ends at {Length}.");
        }

        byte[] bytes = new byte[count];
        Read(offset, bytes);
        return bytes;
    }

    /// <summary>Maps part of the file for reads that jump about; the view is the caller's to dispose.</summary>
    /// <remarks>Only tensors whose elements do not follow each other come here: a call to the system for each element would take minutes.</remarks>
    public MemoryMappedViewAccessor Map(long offset, long count)
    {
        try
        {
            lock (mapLock)
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                map ??= MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
                return map.CreateViewAccessor(offset, count, MemoryMappedFileAccess.Read);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(Path, $"cannot be mapped: {e.Message}", e);
        }
    }

    /// <summary>An exception that names this file.</summary>
    public CheckpointException Fail(string reason, Exception? inner = null) => new(Path, reason, inner);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (mapLock)
        {
            disposed = true;
            map?.Dispose();
            map = null;
        }

        handle.Dispose();
    }
}
