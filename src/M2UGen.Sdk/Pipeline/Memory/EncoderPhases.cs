using M2UGen.Sdk.Encoders;
using M2UGen.Sdk.Encoders.Mert;
using M2UGen.Sdk.Encoders.Vit;
using M2UGen.Sdk.Encoders.Vivit;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>The stage <see cref="GenerationStage.Encode"/>: an encoder for each medium, then the prefix graph of each.</summary>
internal static class EncoderPhases
{
    // Decoded media of usual sizes: a minute of stereo at CD's rate has 21 MB; a photograph and 32 frames of a film in high definition.
    private const long BytesPerSecondOfSound = 44_100 * 2 * sizeof(float);
    private const long BytesOfPicture = 12_000_000 * 3;
    private const long BytesOfFrame = 1280 * 720 * 3;

    /// <summary>The phases; none for a request of words alone.</summary>
    public static IEnumerable<MemoryPhase> Of(ModelBundle bundle, ComponentMemory memory, MemoryDemand demand)
    {
        List<string> prefixes = [];
        List<MemoryPhase> phases = [];
        Dictionary<string, BundleComponent> components = new(bundle.Manifest.Components, StringComparer.Ordinal);
        long media = demand.MediaBytes ?? UsualBytes(demand, components);
        if (demand.Audio is { } length && components.ContainsKey(MertEncoder.Component))
        {
            int rate = MertPreprocessor.From(EncoderParts.Preprocessing(bundle, MertEncoder.Component), bundle.Directory).SampleRate;
            long samples = (long)(length.TotalSeconds * rate);
            AudioWindow[] windows = demand.Fidelity.HearOnlyFirstMinute ? AudioWindow.CoverAsReference(samples, rate) : AudioWindow.Cover(samples, rate);
            long longest = windows.Max(window => window.Length);

            // The window, and beside it one channel before and behind its resampling.
            Add(MertEncoder.Component, MediaEncoders.AudioPrefix, [("samples", longest)], 4 * sizeof(float) * longest);
        }

        if (demand.HasImage && components.TryGetValue(VitEncoder.Component, out BundleComponent? vit))
        {
            Add(VitEncoder.Component, MediaEncoders.ImagePrefix, [], BytesOf(vit));
        }

        if (demand.HasVideo && components.TryGetValue(VivitEncoder.Component, out BundleComponent? vivit))
        {
            Add(VivitEncoder.Component, MediaEncoders.VideoPrefix, [], BytesOf(vivit));
        }

        phases.AddRange(prefixes.Select(prefix => new MemoryPhase(GenerationStage.Encode, One(prefix, memory.ArenaOf(prefix, new Dictionary<string, long>())), media)));
        return phases;

        void Add(string encoder, string prefix, (string Name, long Size)[] sizes, long working)
        {
            phases.Add(new MemoryPhase(GenerationStage.Encode, One(encoder, memory.ArenaOf(encoder, sizes.ToDictionary(size => size.Name, size => size.Size))), media + working));
            if (components.ContainsKey(prefix))
            {
                prefixes.Add(prefix);
            }
        }
    }

    private static Dictionary<string, long> One(string component, long arena) => new(StringComparer.Ordinal) { [component] = arena };

    private static long UsualBytes(MemoryDemand demand, Dictionary<string, BundleComponent> components) =>
        (demand.Audio is { } length ? (long)(length.TotalSeconds * BytesPerSecondOfSound) : 0)
        + (demand.HasImage ? BytesOfPicture : 0)
        + (demand.HasVideo && components.TryGetValue(VivitEncoder.Component, out BundleComponent? vivit) ? vivit.Inputs[0].Dimensions[1].Size * BytesOfFrame : 0);

    private static long BytesOf(BundleComponent component) =>
        component.Inputs.Sum(input => input.Dimensions.Aggregate((long)OnnxGraphReader.BytesOf(input.Kind), (product, dimension) => product * Math.Max(1, dimension.Size)));
}
