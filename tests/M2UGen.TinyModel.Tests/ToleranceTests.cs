using System.Text.Json;
using M2UGen.Parity;

namespace M2UGen.TinyModel.Tests;

/// <summary>The judge itself: a comparison that cannot fail would make every golden pass.</summary>
public sealed class ToleranceTests
{
    [Theory]
    [InlineData(nameof(ToleranceRule.Absolute), 0.5, 100.0, 100.5, true)]
    [InlineData(nameof(ToleranceRule.Absolute), 0.5, 100.0, 100.6, false)]
    [InlineData(nameof(ToleranceRule.OfLargest), 0.01, 100.0, 101.0, true)]
    [InlineData(nameof(ToleranceRule.OfLargest), 0.01, 100.0, 101.1, false)]
    [InlineData(nameof(ToleranceRule.Default), 0.01, 0.5, 0.51, true)]
    [InlineData(nameof(ToleranceRule.Default), 0.01, 0.5, 0.52, false)]
    [InlineData(nameof(ToleranceRule.Exact), 0.0, 3.0, 3.0, true)]
    [InlineData(nameof(ToleranceRule.Exact), 0.0, 3.0, 3.0000001, false)]
    [InlineData(nameof(ToleranceRule.AbsoluteRelative), 0.1, 1.0, 1.2, true)]
    [InlineData(nameof(ToleranceRule.AbsoluteRelative), 0.1, 1.0, 1.3, false)]
    public void Judge_AtTheBorder_FollowsTheRule(string rule, double value, double expected, double actual, bool passes)
    {
        // The default rule's border is inclusive; 0.51 - 0.5 is a hair over 0.01 in binary.
        Tolerance tolerance = new(Enum.Parse<ToleranceRule>(rule), value * (1 + 1e-12));
        Assert.Equal(passes, tolerance.Judge([expected], [actual]).Passed);
    }

    [Theory]
    [InlineData(1.0, double.NaN)]
    [InlineData(double.NaN, 1.0)]
    [InlineData(1.0, double.PositiveInfinity)]
    [InlineData(double.PositiveInfinity, double.NegativeInfinity)]
    public void Judge_NotFinite_Fails(double expected, double actual) =>
        Assert.False(Tolerance.Absolute(1e9).Judge([expected], [actual]).Passed);

    [Fact]
    public void Of_TwoRowsMatch_FirstWins()
    {
        ToleranceTable table = Table("""{"tolerances":[{"tensors":["*.codes","*.ids"],"rule":"exact"},{"tensors":["*"],"rule":"abs","max":0.25}]}""");
        Assert.Equal(Tolerance.Exact, table.Of("gen.1.ids"));
        Assert.Equal(Tolerance.Absolute(0.25), table.Of("gen.1.idsx"));
    }

    [Fact]
    public void Of_RulesAndTolerances_RulesDecide()
    {
        ToleranceTable table = Table("""
            {"tolerance_rules":{"rules":[{"names":"a\\.(b|c)","rule":"of_max","value":0.5},{"names":"mel","rule":"abs","value":1,"above":-90}]},
             "tolerances":[{"tensors":["*"],"rule":"exact"}]}
            """);
        Assert.Equal(Tolerance.OfLargest(0.5), table.Of("a.c"));
        Assert.Equal(Tolerance.Standard, table.Of("xa.c"));
        Assert.Equal(-90, table.Of("mel").Above);
    }

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("a*c", "abbc", true)]
    [InlineData("a*c", "abcd", false)]
    [InlineData("*.x.*", "1.x.2.x", true)]
    [InlineData("a", "A", false)]
    public void Matches_Pattern_StarIsTheOnlyWildcard(string pattern, string text, bool matches) =>
        Assert.Equal(matches, Wildcard.Matches(pattern, text));

    private static ToleranceTable Table(string json) => new(JsonDocument.Parse(json).RootElement);
}
