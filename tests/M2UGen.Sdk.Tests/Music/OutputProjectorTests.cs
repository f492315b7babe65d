using M2UGen.Sdk.Music;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Music;

public sealed class OutputProjectorTests
{
    [Fact]
    public void Project_DividesByTheTrainingScale()
    {
        using ModelSet models = new(component => new FakeOnnxModel(component, (run, _) =>
        {
            Assert.Equal([1, 2, 3], run.Input("hidden_states").Shape.ToArray());
            run.Allocate("embedding", NativeTensor.Of<float>([10, -25], 1, 1, 2));
        }));
        OutputProjector projector = new(models);

        Assert.Equal([1, -2.5f], projector.Project(new float[6], 2, CancellationToken.None));
        Assert.Equal([10, -25], projector.ProjectRaw(new float[6], 2, CancellationToken.None));
    }

    [Fact]
    public void SplitAudioLdm2_CutsBehindTheT5Part()
    {
        (ReadOnlyMemory<float> prompt, ReadOnlyMemory<float> generated) = OutputProjector.SplitAudioLdm2(new float[] { 1, 2, 3, 4, 5 }, positions: 2, textWidth: 2);

        Assert.Equal([1, 2, 3, 4], prompt.ToArray());
        Assert.Equal([5], generated.ToArray());
        Assert.Throws<ArgumentException>(() => OutputProjector.SplitAudioLdm2(new float[3], 2, 2));
    }
}
