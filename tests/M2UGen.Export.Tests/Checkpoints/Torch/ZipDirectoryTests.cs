using System.Text;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Checkpoints.Torch;

namespace M2UGen.Export.Tests.Checkpoints.Torch;

public sealed class ZipDirectoryTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void Read_Zip64Throughout_FindsTheEntries()
    {
        WriteZip64();

        using CheckpointFile file = CheckpointFile.Open(path);
        List<ZipEntry> entries = ZipDirectory.Read(file);

        Assert.Equal(["a/x", "a/yy"], entries.Select(e => e.Name));
        Assert.Equal("first"u8.ToArray(), file.Read(entries[0].DataOffset, (int)entries[0].Length));
        Assert.Equal("second"u8.ToArray(), file.Read(entries[1].DataOffset, (int)entries[1].Length));
    }

    // From the file's end: 22 bytes of the end record, 20 of the locator (its offset at 8), 56 of the zip64 end record (count at 32, offset at 48).
    [Theory]
    [InlineData(22 + 20 - 8)]
    [InlineData(22 + 20 + 56 - 32)]
    [InlineData(22 + 20 + 56 - 48)]
    public void Read_Zip64FieldThatLies_IsRefused(int bytesFromEnd)
    {
        WriteZip64();
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^bytesFromEnd] ^= 1;
        File.WriteAllBytes(path, bytes);

        using CheckpointFile file = CheckpointFile.Open(path);
        Assert.Throws<CheckpointException>(() => ZipDirectory.Read(file));
    }

    /// <summary>Two stored entries, with every size, offset and count in zip64 fields only, as in archives beyond 4 GB.</summary>
    private void WriteZip64()
    {
        using FileStream stream = File.Create(path);
        using BinaryWriter writer = new(stream);
        List<(string Name, byte[] Data, long Offset)> entries = [];
        foreach ((string name, byte[] data) in (ReadOnlySpan<(string, byte[])>)[("a/x", "first"u8.ToArray()), ("a/yy", "second"u8.ToArray())])
        {
            entries.Add((name, data, stream.Position));
            writer.Write("PK\x03\x04"u8);
            writer.Write(new byte[4 + 2 + 4]);
            writer.Write(0);
            writer.Write(uint.MaxValue);
            writer.Write(uint.MaxValue);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)20);
            writer.Write(Encoding.UTF8.GetBytes(name));
            writer.Write((ushort)1);
            writer.Write((ushort)16);
            writer.Write((long)data.Length);
            writer.Write((long)data.Length);
            writer.Write(data);
        }

        long directory = stream.Position;
        foreach ((string name, byte[] data, long offset) in entries)
        {
            writer.Write("PK\x01\x02"u8);
            writer.Write(new byte[4 + 4 + 4]);
            writer.Write(0);
            writer.Write(uint.MaxValue);
            writer.Write(uint.MaxValue);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)28);
            writer.Write(new byte[2 + 2 + 2 + 4]);
            writer.Write(uint.MaxValue);
            writer.Write(Encoding.UTF8.GetBytes(name));
            writer.Write((ushort)1);
            writer.Write((ushort)24);
            writer.Write((long)data.Length);
            writer.Write((long)data.Length);
            writer.Write(offset);
        }

        long end = stream.Position;
        writer.Write("PK\x06\x06"u8);
        writer.Write(44L);
        writer.Write((ushort)45);
        writer.Write((ushort)45);
        writer.Write(0L);
        writer.Write(2L);
        writer.Write(2L);
        writer.Write(end - directory);
        writer.Write(directory);
        writer.Write("PK\x06\x07"u8);
        writer.Write(0);
        writer.Write(end);
        writer.Write(1);
        writer.Write("PK\x05\x06"u8);
        writer.Write(0);
        writer.Write(ushort.MaxValue);
        writer.Write(ushort.MaxValue);
        writer.Write(uint.MaxValue);
        writer.Write(uint.MaxValue);
        writer.Write((ushort)0);
    }
}
