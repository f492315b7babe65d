using M2UGen.Sdk.Pipeline.Memory;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Tests.Pipeline.Memory;

public sealed class MemoryResidencyTests
{
    private const long Base = 100;

    // What a component weighs.
    private static readonly Dictionary<string, long> Weights = new() { ["a"] = 40, ["b"] = 10, ["c"] = 30, ["d"] = 50 };

    // a and b, then c alone with an arena of 5 and a cache of 15, then a again, then d.
    private static readonly MemoryPhase[] Phases =
    [
        Phase(GenerationStage.Encode, 0, ("a", 0), ("b", 0)),
        Phase(GenerationStage.Language, 15, ("c", 5)),
        Phase(GenerationStage.Music, 0, ("a", 0)),
        Phase(GenerationStage.Decode, 0, ("d", 0)),
    ];

    [Fact]
    public void Enter_NoBudget_KeepsEverything()
    {
        MemoryPlanStep[] steps = Plan(MemoryPolicy.KeepLoaded, null);
        Assert.Equal([150, 200, 185, 235], steps.Select(step => step.AnonymousBytes));
        Assert.Equal(["a,b", "c", "", "d"], steps.Select(step => string.Join(',', step.Loads)));
        Assert.All(steps, step => Assert.Empty(step.Unloads));
    }

    [Fact]
    public void Enter_BudgetThatHoldsAll_UnloadsNothing() => Assert.All(Plan(MemoryPolicy.KeepLoaded, 235), step => Assert.Empty(step.Unloads));

    [Fact]
    public void Enter_TightBudget_UnloadsWhatIsNeededLastFirst()
    {
        MemoryPlanStep[] steps = Plan(MemoryPolicy.KeepLoaded, 195);

        // b is never needed again, a is; then everything but d goes as far as it must: the largest first.
        Assert.Equal(["", "b", "", "a"], steps.Select(step => string.Join(',', step.Unloads)));
        Assert.Equal([150, 190, 175, 185], steps.Select(step => step.AnonymousBytes));
    }

    [Fact]
    public void Enter_LeastBudget_HoldsOnePhaseAtATime()
    {
        MemoryPlanStep[] steps = Plan(MemoryPolicy.KeepLoaded, 150);
        Assert.Equal(["", "b,a", "c", "a"], steps.Select(step => string.Join(',', step.Unloads)));
        Assert.Equal(["a,b", "c", "a", "d"], steps.Select(step => string.Join(',', step.Loads)));
        Assert.All(steps, step => Assert.InRange(step.AnonymousBytes, 0, 150));
    }

    [Fact]
    public void Enter_BelowWhatAPhaseNeeds_RefusesWithTheNumbers()
    {
        MemoryBudgetException error = Assert.Throws<MemoryBudgetException>(() => Plan(MemoryPolicy.KeepLoaded, 149));
        Assert.Equal((150, 149, GenerationStage.Encode), (error.RequiredBytes, error.BudgetBytes, error.Stage));
        Assert.Equal(["a", "b"], error.Components.Order());
        Assert.Contains("Encode", error.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(PipelineOptions.MemoryBudget), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Enter_OneStageAtATime_UnloadsBehindEveryStage()
    {
        MemoryPlanStep[] steps = Plan(MemoryPolicy.OneStageAtATime, null);
        Assert.Equal([150, 150, 140, 150], steps.Select(step => step.AnonymousBytes));
    }

    [Fact]
    public void Enter_ComponentsOfEarlierRequests_CountWithTheirArenasAndGiveWay()
    {
        MemoryResidency residency = new(Phases, WeightsOf, Base, new Dictionary<string, long> { ["c"] = 20, ["d"] = 0 });
        Assert.Equal(["d"], residency.Enter(0, MemoryPolicy.KeepLoaded, 200).Unloads);
        MemoryPlanStep second = residency.Enter(1, MemoryPolicy.KeepLoaded, null);
        Assert.Empty(second.Loads);
        Assert.Equal(Base + 15 + 40 + 10 + 30 + 20, second.AnonymousBytes);
    }

    [Fact]
    public void Schedule_TellsWhatGivesWayWhenAComponentIsFirstUsed()
    {
        MemorySchedule schedule = new(Plan(MemoryPolicy.KeepLoaded, 150));
        Assert.Empty(schedule.Enter("b"));
        Assert.Empty(schedule.Enter("a"));
        Assert.Equal(["b", "a"], schedule.Enter("c"));
        Assert.Empty(schedule.Enter("c"));
        Assert.Equal(["c"], schedule.Enter("a"));
        Assert.Empty(schedule.Enter("unplanned"));
    }

    [Fact]
    public void Schedule_StepsLeftOut_CountForTheNext()
    {
        MemorySchedule schedule = new(Plan(MemoryPolicy.KeepLoaded, 150));
        schedule.Enter("a");
        Assert.Equal(["a", "b", "c"], schedule.Enter("d").Order());
    }

    [Fact]
    public void Enter_ComponentsThatAreLoaded_MapWhatTheyAreCopiedFromOneAfterAnother()
    {
        MemoryResidency residency = new(Phases, component => new WeightMemory(Weights[component], 1, Weights[component]), Base, new Dictionary<string, long>());
        long[] mapped = [.. Enumerable.Range(0, Phases.Length).Select(i => residency.Enter(i, MemoryPolicy.KeepLoaded, null).MappedBytes)];
        Assert.Equal([2 + 40, 3 + 30, 3, 4 + 50], mapped);
    }

    private static MemoryPlanStep[] Plan(MemoryPolicy policy, long? budget)
    {
        MemoryResidency residency = new(Phases, WeightsOf, Base, new Dictionary<string, long>());
        return [.. Enumerable.Range(0, Phases.Length).Select(i => residency.Enter(i, policy, budget))];
    }

    private static WeightMemory WeightsOf(string component) => new(Weights[component], 0);

    private static MemoryPhase Phase(GenerationStage stage, long working, params (string Component, long Arena)[] parts) =>
        new(stage, parts.ToDictionary(part => part.Component, part => part.Arena), working);
}
