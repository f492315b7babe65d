using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2;

public sealed class UNetSessionTests
{
    private const int Samples = 1;
    private const int Rows = 2;

    [Theory]
    [InlineData(new long[] { 1, 1, 0, 0, 1, 1, 1, 0 }, 3)]
    [InlineData(new long[] { 1, 0, 0, 0, 1, 0, 0, 0 }, 1)]
    [InlineData(new long[] { 0, 0, 0, 1, 1, 1, 1, 0 }, 4)]
    [InlineData(new long[] { 0, 0, 0, 0, 1, 1, 0, 0 }, 4)]
    public void SeenLength_CutsOnlyWhatNoRowSees(long[] mask, int expected) => Assert.Equal(expected, UNetSession.SeenLength(mask, 2, 4));

    [Fact]
    public void Begin_PaddedPrompt_ComputesConditionsOnceFromWhatIsSeen()
    {
        List<string> calls = [];
        using ModelSet models = new(component => Fake(component, calls));
        UNet unet = new(models, new UNetConfig(2, 2));

        using (UNetSession session = unet.Begin(Condition([1, 1, 0, 0, 1, 1, 1, 0]), [7, 3], Samples, 3, 2, CancellationToken.None))
        {
            session.Sample.Fill(0.5f);
            session.Run(1, CancellationToken.None);
            float second = session.Output[0];
            session.Run(0, CancellationToken.None);

            // The fake graph adds the sample, its row of time and the first key.
            Assert.Equal(0.5f + 30 + 1, second);
            Assert.Equal(0.5f + 70 + 1, session.Output[0]);
            Assert.Equal(Rows * 2 * 3 * 2, session.Output.Length);
        }

        Assert.Equal(["unet-time", "unet-condition prompt 3 of 0,1,2,3,4,5;8,9,10,11,12,13 mask 110111", "unet", "unet"], calls);
    }

    [Fact]
    public void Begin_RowsThatAreNoMultipleOfTheSamples_IsRefused()
    {
        using ModelSet models = new(component => Fake(component, []));
        UNet unet = new(models, new UNetConfig(2, 2));

        Assert.Throws<ArgumentException>(() => unet.Begin(Condition([1, 1, 1, 1, 1, 1, 1, 1]), [1], samples: 3, height: 1, width: 1, CancellationToken.None));
    }

    [Fact]
    public void Begin_StatesOfAnotherWidth_IsRefusedAndLeavesNothingBehind()
    {
        List<FakeOnnxModel> made = [];
        using ModelSet models = new(component =>
        {
            FakeOnnxModel model = Fake(component, []);
            made.Add(model);
            return model;
        });
        UNet unet = new(models, new UNetConfig(2, 2));
        UNetCondition condition = Condition([1, 1, 1, 1, 1, 1, 1, 1]) with { PromptEmbeds = new float[7] };

        ArgumentException exception = Assert.Throws<ArgumentException>(() => unet.Begin(condition, [1], Samples, 1, 1, CancellationToken.None));

        Assert.Contains("prompt_embeds", exception.Message, StringComparison.Ordinal);
        Assert.All(made, model => Assert.Equal(0, model.LiveRuns));
    }

    [Fact]
    public void Run_Cancelled_Throws()
    {
        using ModelSet models = new(component => Fake(component, []));
        UNet unet = new(models, new UNetConfig(2, 2));
        using UNetSession session = unet.Begin(Condition([1, 1, 1, 1, 1, 1, 1, 1]), [1], Samples, 1, 1, CancellationToken.None);
        using CancellationTokenSource source = new();
        source.Cancel();

        Assert.Throws<OperationCanceledException>(() => session.Run(0, source.Token));
    }

    /// <summary>Two rows; four T5 states of width two, counted up; one vector of width one.</summary>
    private static UNetCondition Condition(long[] mask) => new(new float[] { 1, 2 }, Enumerable.Range(0, 16).Select(i => (float)i).ToArray(), mask, Rows);

    private static FakeOnnxModel Fake(string component, List<string> calls) => component switch
    {
        UNet.TimeComponent => new FakeOnnxModel(component, (run, _) =>
        {
            calls.Add(component);
            Span<float> timesteps = run.Input("timesteps").AsSpan<float>();
            Span<float> rows = run.Output("time_projections").AsSpan<float>();
            for (int i = 0; i < timesteps.Length; i++)
            {
                rows.Slice(i * 3, 3).Fill(timesteps[i] * 10);
            }
        }),
        UNet.ConditionComponent => new FakeOnnxModel(component, (run, _) =>
        {
            NativeTensor prompt = run.Input("prompt_embeds");
            int perRow = (int)prompt.ElementCount / Rows;
            string states = string.Join(';', Enumerable.Range(0, Rows).Select(row => string.Join(',', prompt.AsSpan<float>().Slice(row * perRow, perRow).ToArray())));
            calls.Add($"{component} prompt {prompt.Shape[1]} of {states} mask {string.Concat(run.Input("attention_mask").AsSpan<long>().ToArray())}");
            run.Output("cross_key_values.0.key").AsSpan<float>().Fill(1);
        })
        {
            Description = Describe(
                [
                    Spec("generated_prompt_embeds", "batch", "generated", 1),
                    Spec("prompt_embeds", "batch", "prompt", 2),
                    new TensorSpec("attention_mask", TensorElementKind.Int64, ["batch", "prompt"]),
                ],
                [Spec("cross_key_values.0.key", "batch", 2, "generated", 4)]),
        },
        _ => new FakeOnnxModel(component, (run, _) =>
        {
            calls.Add(component);
            float value = run.Input("sample").AsSpan<float>()[0] + run.Input("time_projections").AsSpan<float>()[0] + run.Input("cross_key_values.0.key").AsSpan<float>()[0];
            run.Output("out_sample").AsSpan<float>().Fill(value);
        })
        {
            Description = Describe([Spec("time_projections", 1, 3)], []),
        },
    };

    private static TensorSpec Spec(string name, params TensorDimension[] dimensions) => new(name, TensorElementKind.Float, dimensions);

    private static BundleComponent Describe(TensorSpec[] inputs, TensorSpec[] outputs) => new()
    {
        Graph = "fake.onnx",
        Files = [],
        Precision = "float32",
        Inputs = inputs,
        Outputs = outputs,
    };
}
