using System.Globalization;

namespace M2UGen.Sdk;

/// <summary>A request needs more memory than <see cref="PipelineOptions.MemoryBudget"/> allows, even with everything unloaded that is not in use. Nothing was done for it.</summary>
public sealed class MemoryBudgetException : M2UGenException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="requiredBytes">The least that the request needs.</param>
    /// <param name="budgetBytes">The limit.</param>
    /// <param name="stage">The stage that needs it.</param>
    /// <param name="components">The components that are in use then.</param>
    public MemoryBudgetException(long requiredBytes, long budgetBytes, GenerationStage stage, IReadOnlyList<string> components)
        : base(string.Create(
            CultureInfo.InvariantCulture,
            $"The request needs {requiredBytes / 1e6:0} MB of memory in its stage {stage} ({string.Join(", ", components)}), the budget is {budgetBytes / 1e6:0} MB, and nothing is left to unload. {Help(stage)} or raise {nameof(PipelineOptions)}.{nameof(PipelineOptions.MemoryBudget)}."))
    {
        RequiredBytes = requiredBytes;
        BudgetBytes = budgetBytes;
        Stage = stage;
        Components = components;
    }

    /// <summary>The least that the request needs, in bytes.</summary>
    public long RequiredBytes { get; }

    /// <summary>The limit, in bytes.</summary>
    public long BudgetBytes { get; }

    /// <summary>The stage that needs it.</summary>
    public GenerationStage Stage { get; }

    /// <summary>The components that are in use then.</summary>
    public IReadOnlyList<string> Components { get; }

    private static string Help(GenerationStage stage) => stage switch
    {
        GenerationStage.Encode => "Give a shorter sound or a smaller picture, export the encoders in a smaller precision,",
        GenerationStage.Language => "Shorten prompt or answer, export the bundle in a smaller precision (int8, int4),",
        _ => "Ask for shorter music, export the bundle in a smaller precision (int8, int4),",
    };
}
