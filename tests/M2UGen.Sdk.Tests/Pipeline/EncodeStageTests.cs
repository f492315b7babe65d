using M2UGen.Sdk.Pipeline;
using M2UGen.Sdk.Tests.Fakes;
using FakeMedia = M2UGen.Sdk.Tests.Fakes.Media;

namespace M2UGen.Sdk.Tests.Pipeline;

public sealed class EncodeStageTests
{
    [Fact]
    public void Run_ReleasesEachEncoderBeforeTheNextOneLoads()
    {
        List<string> events = [];
        FakeEncoders encoders = new() { OnCall = (name, _) => events.Add(name) };
        EncodeStage stage = new(encoders, Fidelity.Improved, () => events.Add("release"), report: null);
        float[] prefix = stage.Run(new LoadedMedia { Audio = FakeMedia.HalfSecond, Image = FakeMedia.Picture, Frames = [FakeMedia.Picture] }, KnnOptions.Default, CancellationToken.None);
        Assert.Equal(["audio", "release", "image", "release", "video", "release", "prefix", "release"], events);
        Assert.Equal([1f, 2, 3, 9], prefix);
        Assert.Equal(KnnOptions.Default, encoders.Knn);
    }

    [Fact]
    public void Run_NothingIsHeard_KnnIsLeftOut()
    {
        FakeEncoders encoders = new();
        new EncodeStage(encoders, Fidelity.Improved, () => { }, report: null).Run(new LoadedMedia { Image = FakeMedia.Picture }, KnnOptions.Default, CancellationToken.None);
        Assert.Null(encoders.Knn);
    }

    [Fact]
    public void Progress_OfTwoItems_RisesFromNothingToAll()
    {
        EncodeProgress progress = new(2);
        StageProgress[] steps = [progress.Start(), progress.Loaded(), progress.Loaded(), progress.Encoded(0, 0.5), progress.Encoded(1, 0), progress.Encoded(2, 0)];
        Assert.Equal([0, 0.1, 0.2, 0.4, 0.6, 1], steps.Select(step => Math.Round(step.Fraction, 3)));
        Assert.All(steps, step => Assert.Equal((GenerationStage.Encode, 200), (step.Stage, step.Total)));
    }
}
