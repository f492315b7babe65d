using M2UGen.Sdk.Music.AudioLdm2;
using M2UGen.Sdk.Music.MusicGen;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Music.AudioLdm2;

/// <summary>What each call of the graph is given.</summary>
public sealed class Gpt2LanguageModelTests
{
    private static readonly Gpt2Config Config = new(Layers: 1, Heads: 1, HeadSize: 8, HiddenSize: 2, MaxPositions: 20, NewTokens: 3);

    [Fact]
    public void Generate_TwoTexts_FeedsEachVectorBackAtTheNextPosition()
    {
        List<string> calls = [];
        float next = 0;
        using ModelSet models = Models(run =>
        {
            calls.Add(string.Join(' ', (string[])
            [
                Show(run.Input("inputs_embeds").AsSpan<float>()),
                Show(run.Input("position_ids").AsSpan<long>()),
                Show(run.Input("attention_mask").AsSpan<long>()),
                Show(run.Input("seqlens_k").AsSpan<int>()),
                Show(run.Input("total_sequence_length").AsSpan<int>()),
            ]));
            foreach (ref float value in run.Output("next_embeds").AsSpan<float>())
            {
                value = ++next;
            }
        });
        ConditioningRows rows = new([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6], [1, 0, 1, 1, 1, 1], Batch: 2, Length: 3, Width: 2);

        float[] generated = new Gpt2LanguageModel(models, Config).Generate(rows, [0, 1, 9, 0, 1, 2], CancellationToken.None);

        Assert.Equal(
            [
                "[1,1,2,2,3,3,4,4,5,5,6,6] [0,1,9,0,1,2] [1,0,1,1,1,1,1,1,1,1] [2,2] [3]",
                "[1,2,3,4] [10,3] [1,0,1,1,1,1,1,1,1,1] [3,3] [4]",
                "[5,6,7,8] [11,4] [1,0,1,1,1,1,1,1,1,1] [4,4] [5]",
            ],
            calls);
        Assert.Equal([1, 2, 5, 6, 9, 10, 3, 4, 7, 8, 11, 12], generated);
    }

    [Theory]
    [InlineData(17, true)]
    [InlineData(18, false)]
    public void Generate_LastPosition_MustLeaveRoomForTheVectors(long last, bool fits)
    {
        using ModelSet models = Models(_ => { });
        ConditioningRows rows = new([0, 0], [1], 1, 1, 2);
        Gpt2LanguageModel model = new(models, Config);
        if (fits)
        {
            model.Generate(rows, [last], CancellationToken.None);
        }
        else
        {
            Assert.Contains("20 positions", Assert.Throws<InferenceException>(() => model.Generate(rows, [last], CancellationToken.None)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Generate_Cancelled_StopsBetweenVectors()
    {
        using CancellationTokenSource source = new();
        int calls = 0;
        using ModelSet models = Models(_ =>
        {
            calls++;
            source.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => new Gpt2LanguageModel(models, Config).Generate(new ConditioningRows([0, 0], [1], 1, 1, 2), [0], source.Token));
        Assert.Equal(1, calls);
    }

    [Theory]
    [InlineData(7, 2, new long[] { 0, 1, 2, 3, 4, 5, 6 })] // nothing counted beside what is there
    [InlineData(7, 9, new long[] { 0, 1, 2, 3, 4, 5, 13 })]
    public void Positions_Padding_MovesTheLastRowOnly(int rows, int counted, long[] positions)
        => Assert.Equal(positions, AudioLdm2TextEncoder.Positions(rows, counted));

    private static ModelSet Models(Action<FakeModelRun> body) => new(component => new FakeOnnxModel(component, (run, _) => body(run)));

    private static string Show<T>(ReadOnlySpan<T> values) => $"[{string.Join(',', values.ToArray())}]";
}
