using M2UGen.Sdk.Runtime;
using M2UGen.Sdk.Tests.Fakes;

namespace M2UGen.Sdk.Tests.Runtime;

public sealed class ModelSetTests
{
    [Fact]
    public void Get_WithSomethingToMakeRoomFor_UnloadsBeforeItLoads()
    {
        Dictionary<string, string> loadedMeanwhile = [];
        ModelSet? models = null;
        using (models = new ModelSet(component =>
        {
            loadedMeanwhile[component] = string.Join(',', models!.Loaded.Order());
            return new FakeOnnxModel(component, (_, _) => { });
        }))
        {
            models.Get("a");
            models.Get("b");
            models.MakeRoom = component => component == "c" ? ["a", "never loaded"] : [];
            models.Get("b");
            models.Get("c");
            Assert.Equal(["b", "c"], models.Loaded.Order());
        }

        Assert.Equal("b", loadedMeanwhile["c"]);
    }
}
