using System.Text.Json;
using M2UGen.Sdk.Sampling;

namespace M2UGen.Parity.Kinds;

/// <summary>From guided logits to the distribution that music codes are drawn from, for each setting of the case.</summary>
internal sealed class MusicGenSamplingKind : IParityKind
{
    public bool Handles(string kind) => kind == "musicgen-sampling";

    public void Run(ParityCase c, ParityReport report, CancellationToken cancellationToken)
    {
        float[] logits = c.Inputs.Float("logits");
        long[] shape = c.Inputs.Shape("logits");
        int vocabulary = (int)shape[^1];
        foreach (JsonProperty setting in c.Json.GetProperty("settings").EnumerateObject())
        {
            cancellationToken.ThrowIfCancellationRequested();
            ITokenSampler sampler = new SamplingOptions
            {
                Temperature = Number("temperature", 1),
                TopK = (int)Number("top_k", 0),
                TopP = Number("top_p", 1),
                MinP = Number("min_p", 0),
                TypicalP = Number("typical_p", 1),
            }.CreateSampler();
            float[] probabilities = new float[logits.Length];
            for (int at = 0; at < logits.Length; at += vocabulary)
            {
                sampler.Probabilities(logits.AsSpan(at, vocabulary), probabilities.AsSpan(at, vocabulary));
            }

            string tensor = $"probabilities/{setting.Name}";
            report.Compare(tensor, probabilities, shape);
            CheckZeros(c, report, tensor, probabilities);

            double Number(string name, double off) =>
                setting.Value.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : off;
        }
    }

    private static void CheckZeros(ParityCase c, ParityReport report, string tensor, float[] probabilities)
    {
        double[] expected = c.Expected.Double(tensor);
        int drawn = 0;
        for (int i = 0; i < Math.Min(expected.Length, probabilities.Length); i++)
        {
            drawn += expected[i] == 0 && probabilities[i] != 0 ? 1 : 0;
        }

        report.Check($"{tensor} zeros", drawn == 0, $"{drawn} codes can be drawn that the reference never draws");
    }
}
