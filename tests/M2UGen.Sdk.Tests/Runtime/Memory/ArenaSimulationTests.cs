using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Tests.Runtime.Memory;

public sealed class ArenaSimulationTests
{
    private const long Page = 4096;
    private const long Megabyte = 1 << 20;

    [Fact]
    public void TouchedBytes_OfALargeRegion_CountsWhatWasWritten()
    {
        ArenaSimulation arena = new();
        arena.Take((3 * Megabyte) + 1);
        Assert.Equal((3 * Megabyte) + Page, arena.TouchedBytes);
    }

    [Fact]
    public void Take_BehindAGiveBack_UsesTheSamePages()
    {
        ArenaSimulation arena = new();
        arena.GiveBack(arena.Take(Megabyte / 2));
        arena.GiveBack(arena.Take(Megabyte / 2));
        arena.Take(Megabyte / 4);
        Assert.Equal(Megabyte / 2, arena.TouchedBytes);
    }

    [Fact]
    public void Take_OfLessThanHalfAChunk_LeavesTheRestToOthers()
    {
        ArenaSimulation arena = new();
        arena.GiveBack(arena.Take(Megabyte));
        arena.Take(Megabyte / 2);
        arena.Take(Megabyte / 2);
        Assert.Equal(Megabyte, arena.TouchedBytes);
    }

    [Fact]
    public void Take_OfMoreThanHalfAChunk_TakesItWhole()
    {
        ArenaSimulation arena = new();
        arena.GiveBack(arena.Take(Megabyte));
        arena.Take((Megabyte / 2) + Page);
        arena.Take(Megabyte / 4);
        Assert.Equal(Megabyte + (Megabyte / 4), arena.TouchedBytes);
    }

    [Fact]
    public void GiveBack_OfNeighbours_MergesThem()
    {
        ArenaSimulation arena = new();
        ArenaSimulation.Block[] quarters = [.. Enumerable.Range(0, 4).Select(_ => arena.Take(Megabyte / 4))];
        foreach (ArenaSimulation.Block quarter in (ReadOnlySpan<ArenaSimulation.Block>)[quarters[0], quarters[2], quarters[1], quarters[3]])
        {
            arena.GiveBack(quarter);
        }

        arena.Take(Megabyte);
        Assert.Equal(Megabyte, arena.TouchedBytes);
    }

    [Fact]
    public void Take_Nothing_TakesNothing()
    {
        ArenaSimulation arena = new();
        arena.GiveBack(arena.Take(0));
        Assert.Equal(0, arena.TouchedBytes);
    }
}
