using M2UGen.Export.Blocks;

namespace M2UGen.Export.Tests.Architectures.AudioLdm2;

/// <summary>One picture: [channels, rows, columns] in float64.</summary>
internal sealed record Picture(int Channels, int Height, int Width, double[] Values)
{
    public static Picture Of(int channels, int height, int width, ReadOnlySpan<float> values) => new(channels, height, width, [.. values.ToArray().Select(value => (double)value)]);

    public double this[int channel, int y, int x] => y < 0 || x < 0 || y >= Height || x >= Width ? 0 : Values[(((channel * Height) + y) * Width) + x];

    public Picture Map(Func<int, double, double> function) => this with { Values = [.. Values.Select((value, i) => function(i / (Height * Width), value))] };

    public Picture Plus(Picture other) => this with { Values = [.. Values.Zip(other.Values, (a, b) => a + b)] };

    /// <summary>Every position's channels.</summary>
    public double[][] Rows() => [.. Enumerable.Range(0, Height * Width).Select(n => Enumerable.Range(0, Channels).Select(c => Values[(c * Height * Width) + n]).ToArray())];

    public static Picture FromRows(double[][] rows, int height, int width)
        => new(rows[0].Length, height, width, [.. Enumerable.Range(0, rows[0].Length).SelectMany(c => rows.Select(row => row[c]))]);
}

/// <summary>The layers of diffusers' networks written out in float64.</summary>
internal sealed class PlainDiffusion(PlainEncoder weights)
{
    public Picture Conv(string name, Picture x, int kernel, int stride = 1)
    {
        float[] matrix = weights.Get($"{name}.weight");
        float[] bias = weights.Get($"{name}.bias");
        int height = ((x.Height - 1) / stride) + 1;
        int width = ((x.Width - 1) / stride) + 1;
        int pad = (kernel - 1) / 2;
        double[] values = new double[bias.Length * height * width];
        for (int i = 0; i < values.Length; i++)
        {
            (int rest, int column) = Math.DivRem(i, width);
            (int output, int row) = Math.DivRem(rest, height);
            double sum = bias[output];
            for (int tap = 0; tap < x.Channels * kernel * kernel; tap++)
            {
                (int inner, int dx) = Math.DivRem(tap, kernel);
                (int channel, int dy) = Math.DivRem(inner, kernel);
                sum += matrix[(output * x.Channels * kernel * kernel) + tap] * x[channel, (row * stride) + dy - pad, (column * stride) + dx - pad];
            }

            values[i] = sum;
        }

        return new Picture(bias.Length, height, width, values);
    }

    public Picture GroupNorm(string name, Picture x, int groups, double epsilon)
    {
        float[] weight = weights.Get($"{name}.weight");
        float[] bias = weights.Get($"{name}.bias");
        int perGroup = x.Values.Length / groups;
        double[] means = [.. Enumerable.Range(0, groups).Select(g => x.Values.AsSpan(g * perGroup, perGroup).ToArray().Average())];
        double[] deviations = [.. means.Select((mean, g) => Math.Sqrt(x.Values.AsSpan(g * perGroup, perGroup).ToArray().Average(value => (value - mean) * (value - mean)) + epsilon))];
        return x.Map((channel, value) => ((value - means[channel * groups / x.Channels]) / deviations[channel * groups / x.Channels] * weight[channel]) + bias[channel]);
    }

    public static Picture Silu(Picture x) => x.Map((_, value) => PlainEncoder.Apply(Activation.Silu, value));

    /// <summary>A residual block; <paramref name="time"/> is the time embedding.</summary>
    public Picture Resnet(string name, Picture x, int groups, double epsilon, double[]? time = null)
    {
        Picture y = Conv($"{name}.conv1", Silu(GroupNorm($"{name}.norm1", x, groups, epsilon)), 3);
        if (time is not null)
        {
            double[] added = weights.Linear($"{name}.time_emb_proj", [[.. time.Select(value => PlainEncoder.Apply(Activation.Silu, value))]])[0];
            y = y.Map((channel, value) => value + added[channel]);
        }

        y = Conv($"{name}.conv2", Silu(GroupNorm($"{name}.norm2", y, groups, epsilon)), 3);
        return y.Plus(x.Channels == y.Channels ? x : Conv($"{name}.conv_shortcut", x, 1));
    }

    /// <summary>Nearest neighbours: row i is row floor(i n / m).</summary>
    public static Picture Resize(Picture x, int height, int width) => new(x.Channels, height, width,
        [.. Enumerable.Range(0, x.Channels * height * width).Select(i => x[i / (height * width), i / width % height * x.Height / height, i % width * x.Width / width])]);

    public static Picture Join(Picture a, Picture b) => new(a.Channels + b.Channels, a.Height, a.Width, [.. a.Values, .. b.Values]);

    /// <summary>Multi-head attention of <paramref name="queries"/> to keys and values; hidden positions (mask 0) get -10000.</summary>
    public static double[][] Attend(double[][] queries, double[][] keys, double[][] values, int heads, long[]? mask = null)
    {
        int size = queries[0].Length / heads;
        return [.. queries.Select(query => Enumerable.Range(0, query.Length).Select(i =>
        {
            int first = i / size * size;
            double[] scores = [.. keys.Select((key, t) => (Enumerable.Range(first, size).Sum(d => query[d] * key[d]) / Math.Sqrt(size)) + (mask is null || mask[t] == 1 ? 0 : -10000))];
            double largest = scores.Max();
            double[] shares = [.. scores.Select(score => Math.Exp(score - largest))];
            return shares.Select((share, t) => share * values[t][i]).Sum() / shares.Sum();
        }).ToArray())];
    }

    /// <summary>x Wᵀ.</summary>
    public double[][] Times(string name, double[][] x)
    {
        float[] matrix = weights.Get($"{name}.weight");
        int rows = matrix.Length / x[0].Length;
        return [.. x.Select(row => Enumerable.Range(0, rows).Select(output => row.Select((value, i) => value * matrix[(output * row.Length) + i]).Sum()).ToArray())];
    }

    /// <summary>A Transformer2DModel; <paramref name="states"/> null for double self attention.</summary>
    public Picture Transformer(string name, Picture x, int groups, int heads, int layers, double[][]? states, long[]? mask)
    {
        double[][] h = weights.Linear($"{name}.proj_in", GroupNorm($"{name}.norm", x, groups, 1e-6).Rows());
        for (int i = 0; i < layers; i++)
        {
            string block = $"{name}.transformer_blocks.{i}";
            h = PlainEncoder.Plus(h, Attention($"{block}.attn1", weights.Norm($"{block}.norm1", h, 1e-5), null, null));
            h = PlainEncoder.Plus(h, Attention($"{block}.attn2", weights.Norm($"{block}.norm2", h, 1e-5), states, mask));
            double[][] wide = weights.Linear($"{block}.ff.net.0.proj", weights.Norm($"{block}.norm3", h, 1e-5));
            int half = wide[0].Length / 2;
            double[][] gated = [.. wide.Select(row => Enumerable.Range(0, half).Select(c => row[c] * PlainEncoder.Apply(Activation.Gelu, row[half + c])).ToArray())];
            h = PlainEncoder.Plus(h, weights.Linear($"{block}.ff.net.2", gated));
        }

        return x.Plus(Picture.FromRows(weights.Linear($"{name}.proj_out", h), x.Height, x.Width));

        double[][] Attention(string attention, double[][] input, double[][]? seen, long[]? hidden)
        {
            double[][] context = Attend(Times($"{attention}.to_q", input), Times($"{attention}.to_k", seen ?? input), Times($"{attention}.to_v", seen ?? input), heads, hidden);
            return weights.Linear($"{attention}.to_out.0", context);
        }
    }

    /// <summary>cos and sin of t / 10000^(i / half), two linear layers.</summary>
    public double[] TimeEmbedding(double timestep, int channels)
    {
        double[] angles = [.. Enumerable.Range(0, channels / 2).Select(i => timestep * Math.Pow(10000, -i / (channels / 2.0)))];
        double[][] inner = weights.Linear("time_embedding.linear_1", [[.. angles.Select(Math.Cos), .. angles.Select(Math.Sin)]]);
        return weights.Linear("time_embedding.linear_2", [[.. inner[0].Select(value => PlainEncoder.Apply(Activation.Silu, value))]])[0];
    }
}
