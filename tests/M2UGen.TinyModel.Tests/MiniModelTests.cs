using M2UGen.Sdk.Mini;
using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Runtime.Bundles;

namespace M2UGen.TinyModel.Tests;

/// <summary>The embedded default: its bundle lies beside whoever references the package, whole and loadable.</summary>
public sealed class MiniModelTests
{
    [Fact]
    public async Task BundlePath_BesideThisAssembly_IsAWholeMusicGen()
    {
        ModelBundle bundle = ModelBundle.Open(MiniModel.BundlePath);

        Assert.Equal(BundleFamily.MusicGen, bundle.Manifest.Family);
        Assert.Empty(await bundle.VerifyAsync());
        Assert.Equal(["encodec-decoder", "encodec-encoder", "musicgen-condition", "musicgen-decoder", "t5"], bundle.Manifest.Components.Keys);
        Assert.All(bundle.Manifest.Licences, licence => Assert.Contains("MIT", licence.Licence, StringComparison.Ordinal));
    }

    [Fact]
    public void Load_EveryComponent_MatchesItsContract()
    {
        ModelBundle bundle = ModelBundle.Open(MiniModel.BundlePath);
        foreach (string component in bundle.Manifest.Components.Keys)
        {
            using OnnxModel model = OnnxModel.Load(bundle, component, new RuntimeOptions(Threads: 1));

            Assert.Equal(component, model.Component);
        }
    }
}
