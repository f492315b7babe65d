using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using M2UGen.Export.Checkpoints;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Export.Commands;

/// <summary><c>inspect</c>: what a checkpoint or a bundle holds. Reads descriptions only, no weights.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        Argument<string> path = new("path") { Description = "A bundle; a checkpoint file (.pth, .bin, .safetensors, index.json); a Hugging Face directory; a directory with consolidated.NN.pth." };
        Option<bool> json = CommandRun.JsonOption();
        Command command = new("inspect", "List what a checkpoint or a bundle holds.") { path, json };
        command.SetAction((result, cancellationToken) => CommandRun.GuardAsync(result, result.GetValue(json), output =>
        {
            Run(result.GetRequiredValue(path), result.GetValue(json), output);
            return Task.FromResult(ExporterCommands.Success);
        }, cancellationToken));
        return command;
    }

    private static void Run(string path, bool json, TextWriter output)
    {
        if (File.Exists(Path.Combine(path, BundleManifest.FileName)))
        {
            WriteBundle(ModelBundle.Open(path), json, output);
            return;
        }

        using Checkpoint checkpoint = Open(path);
        WriteCheckpoint(checkpoint, json, output);
    }

    private static Checkpoint Open(string path)
    {
        if (!Directory.Exists(path))
        {
            return Checkpoint.Open(path);
        }

        return Directory.EnumerateFiles(path, "consolidated.*.pth").Any() ? Checkpoint.OpenMetaShards(path) : Checkpoint.OpenDirectory(path);
    }

    private static void WriteCheckpoint(Checkpoint checkpoint, bool json, TextWriter output)
    {
        CheckpointTensor[] tensors = [.. checkpoint.Tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];
        long parameters = tensors.Sum(tensor => tensor.ElementCount);
        if (json)
        {
            CommandRun.WriteJson(output, writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("kind", "checkpoint");
                writer.WriteString("path", checkpoint.Path);
                writer.WriteStartArray("files");
                foreach (string file in checkpoint.Files)
                {
                    writer.WriteStringValue(Path.GetFileName(file));
                }

                writer.WriteEndArray();
                writer.WriteNumber("parameters", parameters);
                writer.WriteStartArray("tensors");
                foreach (CheckpointTensor tensor in tensors)
                {
                    writer.WriteStartObject();
                    writer.WriteString("name", tensor.Name);
                    writer.WriteString("dtype", tensor.ElementType.SafetensorsName());
                    writer.WriteStartArray("shape");
                    foreach (long size in tensor.Shape)
                    {
                        writer.WriteNumberValue(size);
                    }

                    writer.WriteEndArray();
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            });
            return;
        }

        foreach (CheckpointTensor tensor in tensors)
        {
            output.WriteLine($"{CommandRun.Printable(tensor.Name)}  {tensor.ElementType.SafetensorsName()} [{string.Join(", ", tensor.Shape)}]");
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tensors.Length} tensors, {parameters / 1e6:0.0} million numbers, {tensors.Sum(tensor => tensor.ByteCount) / 1e6:0.0} MB in {checkpoint.Files.Count} file(s)"));
    }

    private static void WriteBundle(ModelBundle bundle, bool json, TextWriter output)
    {
        BundleManifest manifest = bundle.Manifest;
        if (json)
        {
            // The manifest is the description; its own names and order are kept.
            CommandRun.WriteJson(output, writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("kind", "bundle");
                writer.WriteString("path", bundle.Directory);
                writer.WriteString("manifest_sha256", bundle.ManifestSha256);
                writer.WritePropertyName("manifest");
                JsonSerializer.Serialize(writer, manifest, BundleJson.Default.BundleManifest);
                writer.WriteEndObject();
            });
            return;
        }

        output.WriteLine($"{bundle.Directory}: {manifest.Family}, format {manifest.FormatVersion}, made by m2ugen-export {CommandRun.Printable(manifest.ExporterVersion)}");
        foreach ((string name, BundleComponent component) in manifest.Components)
        {
            output.WriteLine(CommandRun.Printable(string.Create(CultureInfo.InvariantCulture, $"{name}  {component.Precision}{Elements(component)}, {component.Files.Sum(file => file.Size) / 1e6:0.0} MB")));
            foreach (TensorSpec input in component.Inputs)
            {
                output.WriteLine(CommandRun.Printable($"  in   {input}"));
            }

            foreach (TensorSpec result in component.Outputs)
            {
                output.WriteLine(CommandRun.Printable($"  out  {result}"));
            }
        }

        foreach ((string name, BundleTensor tensor) in manifest.Tensors)
        {
            output.WriteLine(CommandRun.Printable($"{name}  constant [{string.Join(", ", tensor.Shape)}]"));
        }

        foreach ((string name, BundleFile index) in manifest.Indexes)
        {
            output.WriteLine(CommandRun.Printable(string.Create(CultureInfo.InvariantCulture, $"index {name}  {index.Path}, {index.Size / 1e6:0.0} MB")));
        }

        foreach ((string name, BundleTokenizer tokenizer) in manifest.Tokenizers)
        {
            output.WriteLine(CommandRun.Printable($"tokenizer {name}  {string.Join(", ", tokenizer.Files.Select(file => Path.GetFileName(file.Path)))}"));
        }
    }

    /// <summary>What passes between the nodes, where that is not what the precision says.</summary>
    private static string Elements(BundleComponent component)
        => component.Config["quantization"]?["elements"]?.GetValue<string>() is { } elements && elements != component.Precision ? $" in {elements}" : "";
}
