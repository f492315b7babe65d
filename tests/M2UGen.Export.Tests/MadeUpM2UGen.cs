using System.Globalization;
using M2UGen.Export.Tests.Checkpoints;
using M2UGen.Testing;

namespace M2UGen.Export.Tests;

/// <summary>A made-up M2UGen of the smallest sizes in the reference's layout: what the exporter does with sizes and faults that no golden has.</summary>
internal sealed class MadeUpM2UGen : IDisposable
{
    private const int Vocabulary = 808;
    private const int Dim = 12;
    private const int Heads = 2;
    private const int HeadSize = 6;
    private const int Hidden = 10;
    private const int Rank = 2;
    private const int Width = 8;

    private readonly List<(string Name, long[] Shape, float[] Values)> tensors = [];

    public MadeUpM2UGen(int layers = 3, float gate = 0.5f, int keyValueHeads = 1, bool isFlat = false)
    {
        Directory.CreateDirectory(Path.Combine(LlamaDirectory, "7B"));
        File.Copy(Path.Combine(Repository.Golden("m2ugen-base"), "llama", "tokenizer.model"), Path.Combine(LlamaDirectory, "tokenizer.model"));
        File.WriteAllText(
            Path.Combine(LlamaDirectory, "7B", "params.json"),
            string.Create(CultureInfo.InvariantCulture, $$"""{"dim": {{Dim}}, "n_heads": {{Heads}}, "n_layers": {{layers}}, "n_kv_heads": {{keyValueHeads}}, "norm_eps": 1e-05, "vocab_size": -1}"""));
        Add("llama.tok_embeddings.weight", Vocabulary, Dim);
        Add("llama.output.weight", Vocabulary, Dim);
        Add("llama.norm.weight", Dim);
        Add("prefix_query.weight", 3, Dim);
        for (int layer = 0; layer < layers; layer++)
        {
            string path = $"llama.layers.{layer}";
            AddTuned($"{path}.attention", "wq", Heads * HeadSize, Dim);
            AddTuned($"{path}.attention", "wk", keyValueHeads * HeadSize, Dim);
            AddTuned($"{path}.attention", "wv", keyValueHeads * HeadSize, Dim);
            AddTuned($"{path}.attention", "wo", Dim, Heads * HeadSize);
            Add($"{path}.attention.wq.bias", Heads * HeadSize);
            Add($"{path}.attention.wo.bias", Dim);
            AddTuned($"{path}.feed_forward", "w1", Hidden, Dim);
            AddTuned($"{path}.feed_forward", "w3", Hidden, Dim);
            AddTuned($"{path}.feed_forward", "w2", Dim, Hidden);
            Add($"{path}.attention_norm.weight", Dim);
            Add($"{path}.ffn_norm.weight", Dim);
            tensors.Add(($"{path}.attention.gate", [1, Heads, 1, 1], [gate, gate]));
        }

        AddProjector(isFlat);
    }

    /// <summary>A folder of this test's own; bundles may be made in it.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("m2ugen-made-up-").FullName;

    public string LlamaDirectory => Path.Combine(Folder, "ckpts", "LLaMA");

    public string CheckpointFolder => Path.Combine(Folder, "ckpts", "M2UGen-MusicGen");

    /// <summary>Removes tensors before the file is written.</summary>
    public void Remove(Predicate<string> name) => tensors.RemoveAll(tensor => name(tensor.Name));

    /// <summary>Adds a tensor before the file is written.</summary>
    public void Add(string name, params long[] shape)
        => tensors.Add((name, shape, Numbers.Make((int)shape.Aggregate(1L, (product, size) => product * size), tensors.Count)));

    /// <summary>Writes checkpoint.pth.</summary>
    /// <returns>Options to export it into <c>bundle</c> in <see cref="Folder"/>.</returns>
    public ExportOptions Write()
    {
        Directory.CreateDirectory(CheckpointFolder);
        string path = Path.Combine(CheckpointFolder, "checkpoint.pth");
        CheckpointFiles.WriteTorch(path, [.. tensors]);
        return new ExportOptions { Model = path, LlamaDirectory = LlamaDirectory, OutputPath = Path.Combine(Folder, "bundle") };
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void AddProjector(bool isFlat)
    {
        AddLayer("output_projector.fc", Width, Dim);
        foreach (string side in new[] { "encoder", "decoder" })
        {
            string layer = $"output_projector.tfm.{side}.layers.0";
            foreach (string attention in side == "encoder" ? new[] { "self_attn" } : ["self_attn", "multihead_attn"])
            {
                Add($"{layer}.{attention}.in_proj_weight", 3 * Width, Width);
                Add($"{layer}.{attention}.in_proj_bias", 3 * Width);
                AddLayer($"{layer}.{attention}.out_proj", Width, Width);
            }

            AddLayer($"{layer}.linear1", Hidden, Width);
            AddLayer($"{layer}.linear2", Width, Hidden);
            for (int norm = 1; norm <= (side == "encoder" ? 2 : 3); norm++)
            {
                Add($"{layer}.norm{norm}.weight", Width);
                Add($"{layer}.norm{norm}.bias", Width);
            }

            Add($"output_projector.tfm.{side}.norm.weight", Width);
            Add($"output_projector.tfm.{side}.norm.bias", Width);
        }

        Add("output_projector.query_embs", 1, isFlat ? 1 : 4, Width);
        AddLayer("output_projector.model", isFlat ? 20 : 5, Width);
    }

    private void AddTuned(string path, string matrix, int rows, int columns)
    {
        Add($"{path}.{matrix}.weight", rows, columns);
        Add($"{path}.lora_{matrix}_l1.weight", Rank, columns);
        Add($"{path}.lora_{matrix}_l2.weight", rows, Rank);
    }

    private void AddLayer(string path, int rows, int columns)
    {
        Add($"{path}.weight", rows, columns);
        Add($"{path}.bias", rows);
    }
}
