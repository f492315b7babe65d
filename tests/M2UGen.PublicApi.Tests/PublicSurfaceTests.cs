using System.Reflection;
using M2UGen.Sdk;

namespace M2UGen.PublicApi.Tests;

/// <summary>Rules that hold for the whole public surface; what it consists of is reviewed in PublicAPI.*.txt.</summary>
public sealed class PublicSurfaceTests
{
    private static readonly Type[] Public = typeof(M2UGenPipeline).Assembly.GetExportedTypes();

    [Fact]
    public void PublicTypes_LiveInOneNamespace() =>
        Assert.Empty(Public.Where(type => type.Namespace != "M2UGen.Sdk").Select(type => type.FullName));

    [Fact]
    public void PublicMembers_ShowNothingOfTheRuntime()
    {
        const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        IEnumerable<Type> used = Public.SelectMany(type =>
            type.GetMethods(Declared).SelectMany(method => method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType))
                .Concat(type.GetProperties(Declared).Select(property => property.PropertyType))
                .Concat(type.GetConstructors(Declared).SelectMany(constructor => constructor.GetParameters()).Select(parameter => parameter.ParameterType)));
        Assert.Empty(used.Where(type => type.Assembly.GetName().Name!.Contains("OnnxRuntime", StringComparison.Ordinal)).Select(type => type.FullName).Distinct());
    }

    [Fact]
    public void Failures_AreOneFamily() =>
        Assert.Empty(Public.Where(type => typeof(Exception).IsAssignableFrom(type) && !typeof(M2UGenException).IsAssignableFrom(type)).Select(type => type.FullName));

    [Fact]
    public void Updates_AreAClosedSet()
    {
        // A record always has a copy constructor for its heirs; without another one nobody outside can write an heir.
        IEnumerable<ConstructorInfo> open = typeof(GenerationUpdate)
            .GetConstructors(BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Instance)
            .Where(constructor => constructor.IsPublic || constructor.IsFamily || constructor.IsFamilyOrAssembly);
        Assert.Equal([typeof(GenerationUpdate)], Assert.Single(open).GetParameters().Select(parameter => parameter.ParameterType));
    }
}
