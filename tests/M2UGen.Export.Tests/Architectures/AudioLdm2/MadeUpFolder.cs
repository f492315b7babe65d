using System.Globalization;
using System.Text.RegularExpressions;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;
using M2UGen.Export.Tests.Checkpoints;

namespace M2UGen.Export.Tests.Architectures.AudioLdm2;

/// <summary>A folder of an AudioLDM2 directory with made-up weights: whatever tensors its configuration asks for.</summary>
internal sealed partial class MadeUpFolder : IDisposable
{
    private readonly TemporaryFolder folder = new();

    /// <param name="config">The text of config.json.</param>
    /// <param name="open">Opens the folder.</param>
    public MadeUpFolder(string config, Func<string, DiffusionFolder> open)
    {
        File.WriteAllText(folder.File("config.json"), config);
        CheckpointFiles.WriteSafetensors(WeightsPath);
        string missing;
        using (DiffusionFolder empty = open(folder.Path))
        {
            missing = Assert.Throws<CheckpointException>(() => empty.CreateParts()).Message;
        }

        foreach (Match tensor in Tensors().Matches(missing))
        {
            long[] shape = [.. tensor.Groups[2].Value.Split(", ").Select(size => long.Parse(size, CultureInfo.InvariantCulture))];

            // Results of about the size of what comes in, whatever the layer's width.
            float scale = shape.Length > 1 ? (float)(1.7 / Math.Sqrt(shape.Skip(1).Aggregate(1.0, (product, size) => product * size))) : 1;
            Weights.Add(tensor.Groups[1].Value, scale, shape);
        }

        Weights.Write(WeightsPath).Dispose();
    }

    /// <summary>The weights, and layers written out over them.</summary>
    public PlainEncoder Weights { get; } = new();

    public string Path => folder.Path;

    public string WeightsPath => folder.File("model.safetensors");

    public void Dispose() => folder.Dispose();

    [GeneratedRegex(@"^  (\S+)(?: \(.*\))? \[([\d, ]+)\]\r?$", RegexOptions.Multiline)]
    private static partial Regex Tensors();
}
