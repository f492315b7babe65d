using System.Security.Cryptography;
using M2UGen.Export.Quantization;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Graph;

/// <summary>Saves a graph as <c>component.onnx</c> with its weights in <c>component.onnx.data</c>.</summary>
internal static class GraphFile
{
    // ONNX Runtime maps external data straight from the file only where tensors start on page borders.
    private const int Alignment = 4096;

    // From here on what initializers leave behind is worth taking back at once.
    private const long LargeBytes = 64 << 20;

    /// <summary>Writes both files into <paramref name="directory"/>, one tensor at a time, hashing as it writes.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="directory">An existing directory.</param>
    /// <param name="written">Called with the number of weight bytes written since the last call.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <returns>The files in the order graph, data; the data file is left out where the graph has no weights.</returns>
    /// <exception cref="ExportException">A table is to be float16 and holds what float16 cannot.</exception>
    public static IReadOnlyList<BundleFile> Save(GraphBuilder graph, string directory, Action<long>? written = null, CancellationToken cancellationToken = default)
    {
        string graphName = graph.Name + ".onnx";
        List<BundleFile> files = [];
        List<OnnxProto.ExternalTensor> external = [];
        if (graph.Contents.Initializers.Count > 0)
        {
            BundleFile data;
            while (!TryWriteWeights(graph, directory, graphName + ".data", external, written, cancellationToken, out data))
            {
                // Once at most, and only for numbers that no published checkpoint holds: each weight that does not fit is known by now.
                external.Clear();
            }

            files.Add(data);
        }

        ProtoWriter writer = new();
        graph.WriteModel(writer, external);
        using HashingFile model = new(Path.Combine(directory, graphName));
        model.Write(writer.Written);
        files.Insert(0, model.Complete(graphName));
        return files;
    }

    /// <summary>Writes the weights; where some of them do not fit into float16, takes the file away and has the graph keep them in float32.</summary>
    private static bool TryWriteWeights(
        GraphBuilder graph,
        string directory,
        string dataName,
        List<OnnxProto.ExternalTensor> external,
        Action<long>? written,
        CancellationToken cancellationToken,
        out BundleFile file)
    {
        string path = Path.Combine(directory, dataName);
        List<string> beyond = [];
        using HashingFile data = new(path);
        long collected = GC.GetTotalAllocatedBytes();
        long bytes = 0;
        foreach ((string name, InitializerData initializer) in graph.Contents.Initializers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            data.AlignTo(Alignment);
            long offset = data.Position;
            long length = initializer.WriteTo(data);
            external.Add(new OnnxProto.ExternalTensor(name, initializer.Type, initializer.Shape, dataName, offset, length));
            bytes += length;
            written?.Invoke(length);
            if (initializer is Float16Initializer { IsBeyondRange: true })
            {
                beyond.Add(name);
            }

            if (GC.GetTotalAllocatedBytes() - collected >= LargeBytes)
            {
                // Left alone, the collector lets some matrices of hundreds of megabytes pile up; what lives is small, so this takes milliseconds.
                // What was allocated decides, not what was written: the operands of a matrix of 4 bits are as large as those of one in float32.
                GC.Collect();
                collected = GC.GetTotalAllocatedBytes();
            }
        }

        file = data.Complete(dataName);
        if (beyond.Count == 0)
        {
            return true;
        }

        if (!graph.TryKeepFloat32(beyond))
        {
            throw new ExportException(graph.Name, $"'{string.Join("', '", beyond)}' of '{graph.Name}' holds numbers beyond 65504, the largest of a 16-bit float, or numbers that are not finite. Keep it in float32.");
        }

        data.Dispose();
        File.Delete(path);
        written?.Invoke(-bytes);
        return false;
    }

    /// <summary>A new file whose SHA-256 is taken while it is written, so that no second pass over it is needed.</summary>
    private sealed class HashingFile(string path) : Stream
    {
        private readonly FileStream _file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _file.Length;

        public override long Position
        {
            get => _file.Position;
            set => throw new NotSupportedException();
        }

        public void AlignTo(int alignment)
        {
            int missing = (int)((alignment - (Position % alignment)) % alignment);
            Write(new byte[missing]);
        }

        public BundleFile Complete(string name)
        {
            _file.Flush(flushToDisk: true);
            return new BundleFile(name, _file.Length, Convert.ToHexStringLower(_hash.GetHashAndReset()));
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _hash.AppendData(buffer);
            _file.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => _file.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _file.Dispose();
                _hash.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
