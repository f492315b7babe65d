using System.Text.Json;
using M2UGen.TinyModel.Tests.Pipeline;

namespace M2UGen.TinyModel.Tests.Cli;

/// <summary>The program's own check of overlapping requests, which counts the tensors of its process.</summary>
[Collection(CountsTensors.Name)]
public sealed class OverlapCommandTests
{
    [Fact]
    public async Task Bench_Requests_AllGiveWhatTheyGiveAlone()
    {
        CliRun run = await CliRun.OfAsync("bench --requests 40 --overlap 8 -d 0.1 --json");
        Assert.Equal((0, ""), (run.Code, run.Error));
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal((40, 8), (json.RootElement.GetProperty("equal_to_alone").GetInt32(), json.RootElement.GetProperty("overlap").GetInt32()));
        Assert.True(json.RootElement.GetProperty("bytes_after_all").GetInt64() > 0);
        Assert.Equal(2, (await CliRun.OfAsync("bench --requests 0")).Code);
    }
}
