using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using M2UGen.Sdk;
using M2UGen.Sdk.Encoders.Adapters;

namespace M2UGen.Parity.Kinds;

/// <summary>The kNN cache: searches in flat index files, mixed features, and the files that must be refused.</summary>
internal sealed partial class KnnKind : IParityKind
{
    public bool Handles(string kind) => kind == "knn";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        float[][] queries = Rows(c.Inputs, "queries");
        float[][] features = [.. queries.Select(query => KnnMixer.Normalize(query))];
        report.CheckValues("feature", c.Inputs.Double("feature"), [.. features.SelectMany(row => row).Select(value => (double)value)], c.Tolerances.Of("feature"));

        foreach (IGrouping<string, string> tensors in c.Expected.Names.GroupBy(tensor => tensor.Split('.')[0], StringComparer.Ordinal))
        {
            report.Row($"flat_{tensors.Key}.index", () =>
            {
                using KnnIndex index = KnnIndex.Open(c.Resolve($"flat_{tensors.Key}.index"), queries[0].Length);
                foreach (string tensor in tensors)
                {
                    report.Row(tensor, () => Compare(c, report, tensor, index, features, cancellationToken));
                }
            });
        }

        foreach (JsonProperty row in c.Json.GetProperty("refuse_verdict").EnumerateObject())
        {
            report.Row(row.Name, () => CheckRefusal(report, row.Name, c.Resolve(row.Name), row.Value.ValueEquals("either")));
        }
    }

    private static void Compare(ParityCase c, ParityReport report, string tensor, KnnIndex index, float[][] features, CancellationToken cancellationToken)
    {
        Match name = NamePattern().Match(tensor);
        if (!name.Success)
        {
            throw new ParityException($"'{tensor}' is no result of a kNN cache that this runner knows.");
        }

        int size = int.Parse(name.Groups["size"].ValueSpan, CultureInfo.InvariantCulture);
        if (name.Groups["t"].Success)
        {
            KnnOptions options = new() { CacheSize = size, Temperature = Number("t"), Weight = Number("weight") };
            float[][] mixed = [.. features.Select(feature => KnnMixer.Mix(feature, index, options, cancellationToken))];
            report.Compare(tensor, [.. mixed.SelectMany(row => row)], [mixed.Length, index.Dimension]);
            return;
        }

        KnnNeighbour[][] found = [.. features.Select(feature => index.Search(feature, size, cancellationToken))];
        long[] shape = [found.Length, found[0].Length];
        if (name.Groups["what"].Value == "sims")
        {
            report.Compare(tensor, [.. found.SelectMany(row => row).Select(neighbour => neighbour.Score)], shape);
        }
        else
        {
            report.CompareExact(tensor, Reconcile(c.Expected.Int64(tensor), found, index), shape);
        }

        double Number(string group) => double.Parse(name.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
    }

    /// <summary>Rows that are equal in every bit have no order: where the expected one is such a twin of the one found, it counts as found.</summary>
    private static long[] Reconcile(long[] expected, KnnNeighbour[][] found, KnnIndex index)
    {
        long[] ids = [.. found.SelectMany(row => row).Select(neighbour => neighbour.Id)];
        if (found.Any(row => row.DistinctBy(neighbour => neighbour.Id).Count() != row.Length))
        {
            return ids;
        }

        float[] a = new float[index.Dimension], b = new float[index.Dimension];
        for (int i = 0; i < Math.Min(ids.Length, expected.Length); i++)
        {
            if (ids[i] != expected[i] && expected[i] >= 0 && expected[i] < index.Count)
            {
                index.CopyRow(ids[i], a);
                index.CopyRow(expected[i], b);
                ids[i] = a.AsSpan().SequenceEqual(b) ? expected[i] : ids[i];
            }
        }

        return ids;
    }

    private static void CheckRefusal(ParityReport report, string name, string path, bool mayOpen)
    {
        try
        {
            KnnIndex.Open(path).Dispose();
            report.Check(name, mayOpen, "opened, but must be refused");
        }
        catch (ModelBundleException e)
        {
            report.Check(name, e.Path == path, $"refused, but the exception names '{e.Path}'");
        }
    }

    private static float[][] Rows(TensorFile file, string tensor) => [.. file.Float(tensor).Chunk((int)file.Shape(tensor)[1])];

    [GeneratedRegex(@"^\w+\.(?:(?<what>sims|ids)_(?<size>\d+)|mixed_(?<size>\d+)_(?<t>[\d.]+)_(?<weight>[\d.]+))$")]
    private static partial Regex NamePattern();
}
