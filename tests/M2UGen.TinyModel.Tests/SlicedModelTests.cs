using M2UGen.Export.Slicing;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Probes;
using M2UGen.TinyModel.Tests.Pipeline;

namespace M2UGen.TinyModel.Tests;

/// <summary>Components that are run slice by slice, beside the same components run whole.</summary>
public sealed class SlicedModelTests(TinyM2UGen tiny) : IClassFixture<TinyM2UGen>
{
    private static readonly RuntimeOptions OneThread = new(Threads: 1);

    // A slice for every node that has weights.
    private const long Least = 1;

    [Fact]
    public void Run_LanguageModel_FillsTheCacheAndGivesTheLogitsOfTheWholeGraph()
    {
        ModelBundle bundle = ModelBundle.OpenChecked(tiny.BundlePath);
        LlamaConfig config = LlamaConfig.From(bundle.Component(LanguageModel.Component));
        float[] prefix = bundle.ReadTensor(LanguageModel.TextPrefix);
        using OnnxModel whole = OnnxModel.Load(bundle, LanguageModel.Component, OneThread);
        using SlicedModel sliced = SlicedModel.Open(bundle, LanguageModel.Component, OneThread, Least);
        using LlamaDecoder expected = new(whole, config, 12, prefix);
        using LlamaDecoder found = new(sliced, config, 12, prefix);
        foreach (LlamaDecoder decoder in (LlamaDecoder[])[expected, found])
        {
            decoder.Prefill([1, 7, 5, 3, 9, 4, 2], 5, CancellationToken.None);
            decoder.Step(6, CancellationToken.None);
        }

        Assert.Equal(expected.Logits.ToArray(), found.Logits.ToArray());
        Assert.Equal(expected.HiddenState.ToArray(), found.HiddenState.ToArray());
        Assert.Equal(expected.Cache.Keys(config.Layers - 1).AsSpan<float>().ToArray(), found.Cache.Keys(config.Layers - 1).AsSpan<float>().ToArray());
    }

    [Fact]
    public void Run_EveryComponent_GivesWhatTheWholeGraphGives()
    {
        ModelBundle bundle = ModelBundle.OpenChecked(tiny.BundlePath);
        int compared = 0;
        foreach ((string name, BundleComponent component) in bundle.Manifest.Components)
        {
            if (ProbePlan.Make(name, component, out _) is not { } plan)
            {
                continue;
            }

            using OnnxModel whole = OnnxModel.Load(bundle, name, OneThread);
            using SlicedModel sliced = SlicedModel.Open(bundle, name, OneThread, Least);
            SortedDictionary<string, OutputProbe> expected = ProbeRun.Run(whole, plan, CancellationToken.None);
            SortedDictionary<string, OutputProbe> found = ProbeRun.Run(sliced, plan, CancellationToken.None);
            Assert.Equal(expected.Keys, found.Keys);
            Assert.All(expected, output => Assert.InRange(OutputProbe.Deviation(output.Value, found[output.Key], isFloating: true), 0, 1e-5));
            compared++;
        }

        Assert.InRange(compared, 8, bundle.Manifest.Components.Count);
    }

    [Fact]
    public void Run_InputThatIsNotBound_SaysWhich()
    {
        using SlicedModel sliced = SlicedModel.Open(ModelBundle.OpenChecked(tiny.BundlePath), LanguageModel.Component, OneThread, Least);
        using IModelRun run = sliced.CreateRun();
        Assert.Contains("'input_ids'", Assert.Throws<InvalidOperationException>(() => run.Run(CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_Cancelled_Ends()
    {
        using SlicedModel sliced = SlicedModel.Open(ModelBundle.OpenChecked(tiny.BundlePath), LanguageModel.Component, OneThread, Least);
        using IModelRun run = sliced.CreateRun();
        Assert.Throws<OperationCanceledException>(() => run.Run(new CancellationToken(canceled: true)));
    }
}
