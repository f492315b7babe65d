using M2UGen.Export.Blocks;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Tests.Checkpoints;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>Names of one encoder layer's parts, without <c>.weight</c> and <c>.bias</c>.</summary>
internal sealed record PlainLayer(string AttentionNorm, string Query, string Key, string Value, string Output, string FeedForwardNorm, string Up, string Down);

/// <summary>Made-up weights of an encoder, written as a checkpoint, and a transformer encoder written out over them in float64, one row a position.</summary>
internal sealed class PlainEncoder
{
    private readonly List<(string Name, long[] Shape, float[] Values)> _tensors = [];

    /// <summary>Adds a made-up tensor.</summary>
    public void Add(string name, float scale, params long[] shape) => _tensors.Add((name, shape, Numbers.Weight(name, _tensors.Count + 1, scale, shape).Load()));

    /// <summary>Adds a linear layer or a norm: <c>name.weight</c> and <c>name.bias</c>, which has as many elements as the weight has rows.</summary>
    public void AddLayer(string name, float scale, params long[] shape)
    {
        Add($"{name}.weight", scale, shape);
        Add($"{name}.bias", 0.3f, shape[0]);
    }

    /// <summary>Adds the layers of an encoder.</summary>
    public void AddEncoderLayer(PlainLayer layer, EncoderLayerForm form)
    {
        foreach (string matrix in (string[])[layer.Query, layer.Key, layer.Value, layer.Output])
        {
            AddLayer(matrix, 0.6f, form.HiddenSize, form.HiddenSize);
        }

        AddLayer(layer.AttentionNorm, 1, form.HiddenSize);
        AddLayer(layer.FeedForwardNorm, 1, form.HiddenSize);
        AddLayer(layer.Up, 0.6f, form.FeedForwardSize, form.HiddenSize);
        AddLayer(layer.Down, 0.6f, form.HiddenSize, form.FeedForwardSize);
    }

    /// <summary>Writes everything added, each name behind <paramref name="prefix"/>.</summary>
    public Checkpoint Write(string path, string prefix = "")
    {
        CheckpointFiles.WriteSafetensors(path, [.. _tensors.Select(tensor => (prefix + tensor.Name, tensor.Shape, tensor.Values))]);
        return Checkpoint.Open(path);
    }

    public float[] Get(string name) => _tensors.Single(tensor => tensor.Name == name).Values;

    public double[][] Layer(PlainLayer layer, EncoderLayerForm form, double[][] x)
    {
        x = form.IsPreNorm
            ? Plus(x, Attend(layer, form, Norm(layer.AttentionNorm, x, form.Epsilon)))
            : Norm(layer.AttentionNorm, Plus(Times(x, form.BypassScale), Attend(layer, form, x)), form.Epsilon);
        return form.IsPreNorm
            ? Plus(x, FeedForward(layer, form, Norm(layer.FeedForwardNorm, x, form.Epsilon)))
            : Norm(layer.FeedForwardNorm, Plus(Times(x, form.BypassScale), FeedForward(layer, form, x)), form.Epsilon);
    }

    public double[][] Linear(string name, double[][] x)
    {
        float[] matrix = Get($"{name}.weight");
        float[] bias = Get($"{name}.bias");
        return [.. x.Select(row => bias.Select((offset, output) => row.Select((value, i) => value * matrix[(output * row.Length) + i]).Sum() + offset).ToArray())];
    }

    public double[][] Norm(string name, double[][] x, double epsilon)
    {
        float[] weight = Get($"{name}.weight");
        float[] bias = Get($"{name}.bias");
        return [.. x.Select(row =>
        {
            double mean = row.Average();
            double deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + epsilon);
            return row.Select((value, i) => ((value - mean) / deviation * weight[i]) + bias[i]).ToArray();
        })];
    }

    /// <summary>The learnt sum over rows: <c>name.weight</c> [1, rows, 1] and <c>name.bias</c> [1].</summary>
    public float[] Aggregate(string name, double[][] x)
    {
        float[] weight = Get($"{name}.weight");
        float bias = Get($"{name}.bias")[0];
        return [.. Enumerable.Range(0, x[0].Length).Select(i => (float)(x.Select((row, n) => row[i] * weight[n]).Sum() + bias))];
    }

    public static double[][] Plus(double[][] a, double[][] b) => [.. a.Zip(b, (x, y) => x.Zip(y, (p, q) => p + q).ToArray())];

    public static double Apply(Activation activation, double x) => activation switch
    {
        Activation.Gelu => 0.5 * x * (1 + Erf(x / Math.Sqrt(2))),
        Activation.GeluTanh => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        Activation.Relu => Math.Max(x, 0),
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.QuickGelu => x / (1 + Math.Exp(-1.702 * x)),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    private double[][] FeedForward(PlainLayer layer, EncoderLayerForm form, double[][] x)
        => Linear(layer.Down, [.. Linear(layer.Up, x).Select(row => row.Select(value => Apply(form.Activation, value)).ToArray())]);

    private double[][] Attend(PlainLayer layer, EncoderLayerForm form, double[][] x)
    {
        double[][] q = Linear(layer.Query, x);
        double[][] k = Linear(layer.Key, x);
        double[][] v = Linear(layer.Value, x);
        int size = form.HiddenSize / form.Heads;
        double[][] context = [.. q.Select(row => Enumerable.Range(0, form.HiddenSize).Select(i =>
        {
            int first = i / size * size;
            double[] scores = [.. k.Select(key => Math.Exp(Enumerable.Range(first, size).Sum(d => row[d] * key[d]) / Math.Sqrt(size)))];
            return scores.Select((score, t) => score * v[t][i]).Sum() / scores.Sum();
        }).ToArray())];
        return Linear(layer.Output, context);
    }

    private static double[][] Times(double[][] x, double factor) => [.. x.Select(row => row.Select(value => value * factor).ToArray())];

    /// <summary>By its Taylor series, which is exact enough where the arguments of a tiny model lie.</summary>
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 4)
        {
            return Math.Sign(x);
        }

        double term = x;
        double sum = x;
        for (int n = 1; n < 80; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }
}
