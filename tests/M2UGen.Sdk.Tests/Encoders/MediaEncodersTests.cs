using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Encoders.Mert;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.Sdk.Tests.Encoders;

/// <summary>From media to the language model's prefix, over graphs that show what they were given.</summary>
public sealed class MediaEncodersTests
{
    private const int Minute = 60 * SensesBundle.SampleRate;

    [Fact]
    public void Encode_MoreThanAMinute_IsTheMeanOverAllOfIt()
    {
        using SensesBundle bundle = new("mert", "prefix-audio");
        MertEncoder mert = MertEncoder.Open(bundle.Open(), bundle.Models)!;
        List<(int, int)> progress = [];

        float[] feature = mert.Encode(Steps((Minute, 1), (3000, 3)), Fidelity.Improved, (done, all) => progress.Add((done, all)), CancellationToken.None);

        Assert.Equal([Minute, 3000], bundle.Runs.Select(run => run.Values.Length));
        Assert.Equal(((1.0 * Minute) + (3 * 3000)) / (Minute + 3000), feature[0], 1e-5);
        Assert.Equal(((60.0 * Minute) + (30 * 3000)) / (Minute + 3000), feature[1], 1e-4);
        Assert.Equal([(1, 2), (2, 2)], progress);
    }

    [Fact]
    public void Encode_ReferencesRule_HearsTheFirstMinute()
    {
        using SensesBundle bundle = new("mert", "prefix-audio");
        MertEncoder mert = MertEncoder.Open(bundle.Open(), bundle.Models)!;

        Assert.Equal([1, 60], mert.Encode(Steps((Minute, 1), (3000, 3)), Fidelity.Reference, null, CancellationToken.None));
    }

    [Theory]
    [InlineData(SensesBundle.MaxSamplesOfOneFrame, true, -1f)]
    [InlineData(SensesBundle.MaxSamplesOfOneFrame, false, 2f)]
    [InlineData(SensesBundle.MaxSamplesOfOneFrame + 1, true, 2f)]
    public void Encode_OneFrame_AveragesOverStatesWhereTheReferenceDoes(int samples, bool isReference, float expected)
    {
        using SensesBundle bundle = new("mert", "prefix-audio");
        MertEncoder mert = MertEncoder.Open(bundle.Open(), bundle.Models)!;

        Assert.Equal(expected, mert.Encode(Steps((samples, 2)), isReference ? Fidelity.Reference : Fidelity.Improved, null, CancellationToken.None)[0]);
    }

    [Fact]
    public void Encode_StereoAtAnotherRate_IsResampledAndAveraged()
    {
        using SensesBundle bundle = new("mert", "prefix-audio");
        MertEncoder mert = MertEncoder.Open(bundle.Open(), bundle.Models)!;
        float[] samples = [.. Enumerable.Range(0, 400).SelectMany(i => new[] { MathF.Sin(i * 0.05f), 0.5f })];
        AudioClip clip = AudioClip.FromSamples(samples, 2 * SensesBundle.SampleRate, channels: 2);

        mert.Encode(clip, Fidelity.Improved, null, CancellationToken.None);

        Assert.Equal(clip.Resample(SensesBundle.SampleRate).ToMono().Samples.ToArray(), Assert.Single(bundle.Runs).Values);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(SensesBundle.MinSamples - 1)]
    public void Encode_LessThanAFrame_SaysHowMuchIsNeeded(int samples)
    {
        using SensesBundle bundle = new("mert", "prefix-audio");
        MertEncoder mert = MertEncoder.Open(bundle.Open(), bundle.Models)!;

        string message = Assert.Throws<MediaFormatException>(() => mert.Encode(Steps((samples, 1)), Fidelity.Reference, null, CancellationToken.None)).Message;

        Assert.Contains($"{samples} samples", message, StringComparison.Ordinal);
        Assert.Contains("at least 5 (50 ms)", message, StringComparison.Ordinal);
        Assert.Empty(bundle.Runs);
    }

    [Fact]
    public void Encode_SamplesThatAreNoNumbers_AreRefused()
    {
        using SensesBundle bundle = new("mert", "prefix-audio");
        MertEncoder mert = MertEncoder.Open(bundle.Open(), bundle.Models)!;

        Assert.Throws<MediaFormatException>(() => mert.Encode(Steps((50, 1), (1, float.NaN)), Fidelity.Improved, null, CancellationToken.None));
        Assert.Throws<MediaFormatException>(() => mert.Encode(Steps((50, 1), (1, float.NegativeInfinity)), Fidelity.Improved, null, CancellationToken.None));
    }

    [Fact]
    public void Encode_CancelledBehindAWindow_HearsNoFurther()
    {
        using SensesBundle bundle = new("mert", "prefix-audio");
        MertEncoder mert = MertEncoder.Open(bundle.Open(), bundle.Models)!;
        using CancellationTokenSource source = new();

        Assert.ThrowsAny<OperationCanceledException>(() => mert.Encode(Steps((3 * Minute, 1)), Fidelity.Improved, (_, _) => source.Cancel(), source.Token));
        Assert.Single(bundle.Runs);
    }

    [Fact]
    public void Prefix_NoMedia_IsTheBundlesConstantAndLoadsNothing()
    {
        using SensesBundle bundle = SensesBundle.Whole();
        using MediaEncoders senses = MediaEncoders.Open(bundle.Open(), bundle.Models)!;

        Assert.Equal([10, 11, 20, 21, 30, 31], senses.Prefix(new MediaFeatures(), new KnnOptions(), CancellationToken.None));
        Assert.Empty(bundle.Models.Loaded);
        Assert.True(senses is { HearsAudio: true, SeesImages: true, SeesVideo: true, HasKnn: false, VideoFrameCount: SensesBundle.Frames });
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, true)]
    public void Prefix_AnyMedia_TakeTheirThirdsAlone(bool hasAudio, bool hasImage, bool hasVideo)
    {
        using SensesBundle bundle = SensesBundle.Whole();
        using MediaEncoders senses = MediaEncoders.Open(bundle.Open(), bundle.Models)!;
        float[] audio = senses.EncodeAudio(Steps((50, 4)), Fidelity.Improved, null, CancellationToken.None);
        float[] image = senses.EncodeImage(ImageFrame.FromRgb([255, 0, 0, 0, 0, 255], 2, 1), CancellationToken.None);
        float[] video = senses.EncodeVideo([ImageFrame.FromRgb([3, 0, 0, 0, 0, 0], 2, 1), ImageFrame.FromRgb([0, 0, 0, 0, 0, 4], 2, 1)], CancellationToken.None);

        float[] prefix = senses.Prefix(new MediaFeatures { Audio = hasAudio ? audio : null, Image = hasImage ? image : null, Video = hasVideo ? video : null }, null, CancellationToken.None);

        float[] expected = [.. hasAudio ? audio : [10, 11], .. hasImage ? image : [20, 21], .. hasVideo ? video : [30, 31]];
        Assert.Equal(expected, prefix);
        Assert.Equal(0.6 / (1 + 1e-6), video[0], 1e-6);
        Assert.Equal(0.8 / (1 + 1e-6), video[1], 1e-6);
        Assert.Equal(1, (audio[0] * audio[0]) + (audio[1] * audio[1]), 1e-5);
        Assert.Equal(image[0], image[1]);
    }

    [Fact]
    public void EncodeVideo_OtherNumberOfFrames_SaysBoth()
    {
        using SensesBundle bundle = SensesBundle.Whole();
        using MediaEncoders senses = MediaEncoders.Open(bundle.Open(), bundle.Models)!;

        string message = Assert.Throws<ArgumentException>(() => senses.EncodeVideo([ImageFrame.FromRgb([0, 0, 0], 1, 1)], CancellationToken.None)).Message;

        Assert.Contains("2 frames at once; found 1", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SensesThatAreNotThere_AreNamedWithTheirSwitch()
    {
        using SensesBundle bundle = new("vit", "prefix-image");
        using MediaEncoders senses = MediaEncoders.Open(bundle.Open(), bundle.Models)!;

        Assert.True(senses is { HearsAudio: false, SeesImages: true, SeesVideo: false, VideoFrameCount: 0 });
        Assert.Contains("--mert_path", Assert.Throws<UnsupportedCapabilityException>(() => senses.EncodeAudio(Steps((50, 1)), Fidelity.Improved, null, CancellationToken.None)).Message, StringComparison.Ordinal);
        Assert.Contains("--vivit_path", Assert.Throws<UnsupportedCapabilityException>(() => senses.EncodeVideo([], CancellationToken.None)).Message, StringComparison.Ordinal);
        Assert.Throws<UnsupportedCapabilityException>(() => senses.Prefix(new MediaFeatures { Audio = [1, 0] }, null, CancellationToken.None));
    }

    [Fact]
    public void Open_NoSense_IsNull()
    {
        using SensesBundle none = new();
        using SensesBundle half = new("mert", "prefix-image");
        Assert.Null(MediaEncoders.Open(none.Open(), none.Models));
        Assert.Null(MediaEncoders.Open(half.Open(), half.Models));
        Assert.Contains(FamilyContract.Check(half.Open().Manifest), problem => problem.Contains("'mert' and 'prefix-audio'", StringComparison.Ordinal));
    }

    [Fact]
    public void Open_PartsThatDoNotFit_AreRefused()
    {
        using SensesBundle bundle = SensesBundle.Whole();
        bundle.Add("prefix-image", new TensorSpec("feature", TensorElementKind.Float, [1, 3]), new TensorSpec("prefix", TensorElementKind.Float, [1, 2]), []);
        Assert.Contains("a feature of 3 values", Assert.Throws<ModelBundleException>(() => MediaEncoders.Open(bundle.Open(), bundle.Models)).Message, StringComparison.Ordinal);

        bundle.Add("prefix-image", new TensorSpec("feature", TensorElementKind.Float, [1, 2]), new TensorSpec("prefix", TensorElementKind.Float, [2, 2]), []);
        Assert.Contains("[2, 2]", Assert.Throws<ModelBundleException>(() => MediaEncoders.Open(bundle.Open(), bundle.Models)).Message, StringComparison.Ordinal);

        bundle.Add("vit", new TensorSpec("pixel_values", TensorElementKind.Float, ["batch", 3, 4, 4]), new TensorSpec("feature", TensorElementKind.Float, ["batch", 2]), []);
        Assert.Contains("pixel_values: expected […, 3, 1, 2]", Assert.Throws<ModelContractException>(() => MediaEncoders.Open(bundle.Open(), bundle.Models)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prefix_Knn_MixesAudioWithTheIndexAskedFor()
    {
        using SensesBundle bundle = SensesBundle.Whole();
        string own = bundle.WriteIndex("knn.index", [0, 1]);
        string other = bundle.WriteIndex("other.index", [-1, 0]);
        bundle.Indexes.Add("knn", new BundleFile("knn.index", new FileInfo(own).Length, new string('0', 64)));
        using MediaEncoders senses = MediaEncoders.Open(bundle.Open(), bundle.Models)!;
        MediaFeatures features = new() { Audio = [1, 0], Image = [1, 0] };

        Assert.True(senses.HasKnn);
        float[] off = senses.Prefix(features, null, CancellationToken.None);
        float[] mixed = senses.Prefix(features, new KnnOptions { Weight = 1 }, CancellationToken.None);
        float[] named = senses.Prefix(features, new KnnOptions { Weight = 1, IndexPath = other }, CancellationToken.None);

        Assert.Equal([1, 0, 1, 0, 30, 31], off);
        Assert.Equal([0, 1, 1, 0, 30, 31], mixed);
        Assert.Equal([-1, 0, 1, 0, 30, 31], named);
    }

    [Fact]
    public void Prefix_KnnWithoutAnIndex_SaysWhatToDo()
    {
        using SensesBundle bundle = SensesBundle.Whole();
        using MediaEncoders senses = MediaEncoders.Open(bundle.Open(), bundle.Models)!;

        string message = Assert.Throws<UnsupportedCapabilityException>(() => senses.Prefix(new MediaFeatures { Audio = [1, 0] }, new KnnOptions(), CancellationToken.None)).Message;

        Assert.Contains("--knn_dir", message, StringComparison.Ordinal);
        Assert.Contains("IndexPath", message, StringComparison.Ordinal);
    }

    private static AudioClip Steps(params (int Count, float Value)[] steps) =>
        AudioClip.FromSamples([.. steps.SelectMany(step => Enumerable.Repeat(step.Value, step.Count))], SensesBundle.SampleRate);
}
