using System.Collections.Concurrent;
using M2UGen.Sdk.Encoders.Mert;
using M2UGen.Sdk.Encoders.Vit;
using M2UGen.Sdk.Encoders.Vivit;
using M2UGen.Sdk.Language;
using M2UGen.Sdk.Runtime.Bundles;
using M2UGen.Sdk.Runtime.Memory;

namespace M2UGen.Sdk.Pipeline.Memory;

/// <summary>Predicts what requests to a bundle take, and what to unload when, so that they fit a budget.</summary>
/// <remarks>Thread-safe. Graph files are read when they are first needed; no weights are.</remarks>
internal sealed class MemoryPlanner
{
    // A console program with .NET, the native library and the tokenizers' vocabularies, before a component is loaded.
    private const long BytesOfProcess = 18_000_000;
    private const long MappedBytesOfProcess = 70_000_000;

    private readonly ModelBundle _bundle;
    private readonly ComponentMemory _memory;

    // What the runs of earlier requests left in the arenas of components that are still loaded.
    private readonly ConcurrentDictionary<string, long> _left = new(StringComparer.Ordinal);

    public MemoryPlanner(ModelBundle bundle)
    {
        _bundle = bundle;
        _memory = new ComponentMemory(bundle);
    }

    /// <summary>Whether the bundle has a language model.</summary>
    private bool HasLanguage => _bundle.Manifest.Components.ContainsKey(LanguageModel.Component);

    /// <summary>The demand of planned lengths.</summary>
    /// <exception cref="UnsupportedCapabilityException">The bundle lacks an encoder, or the decoder, that they need.</exception>
    public MemoryDemand DemandOf(MemoryPlanOptions options)
    {
        Require(options.AudioDuration is not null, MertEncoder.Component, "audio input");
        Require(options.HasImage, VitEncoder.Component, "image input");
        Require(options.HasVideo, VivitEncoder.Component, "video input");
        return new MemoryDemand
        {
            Answers = HasLanguage,
            PromptTokens = options.PromptTokens,
            NewTokens = options.NewTokens,
            CaptionTokens = options.CaptionTokens,
            Music = options.Music,
            Audio = options.AudioDuration,
            HasImage = options.HasImage,
            HasVideo = options.HasVideo,
        };

        void Require(bool wanted, string component, string capability)
        {
            if (wanted && !_bundle.Manifest.Components.ContainsKey(component))
            {
                throw new UnsupportedCapabilityException(capability, $"This bundle of family '{_bundle.Manifest.Family}' has no component '{component}', so it cannot take such a medium. Leave it out of the plan, or export the checkpoint again with the encoder's directory.");
            }
        }
    }

    /// <summary>Plans a request.</summary>
    /// <param name="demand">Its lengths.</param>
    /// <param name="policy">How long components stay loaded where there is no budget.</param>
    /// <param name="budget">The most anonymous memory, in bytes; null: no limit.</param>
    /// <param name="loaded">Components that are loaded already.</param>
    /// <exception cref="MemoryBudgetException">It does not fit.</exception>
    public MemoryPlan Plan(MemoryDemand demand, MemoryPolicy policy, long? budget, params IEnumerable<string> loaded) =>
        Schedule(PhasesOf(demand), policy, budget, loaded);

    /// <summary>Plans a request that now runs: what its runs leave in memory counts for the requests behind it.</summary>
    /// <inheritdoc cref="Plan"/>
    public MemorySchedule Begin(MemoryDemand demand, MemoryPolicy policy, long? budget, IEnumerable<string> loaded)
    {
        IReadOnlyList<MemoryPhase> phases = PhasesOf(demand);
        MemoryPlan plan = Schedule(phases, policy, budget, loaded);
        foreach (MemoryPhase phase in phases)
        {
            foreach ((string component, long arena) in phase.Arenas)
            {
                _left.AddOrUpdate(component, arena, (_, before) => Math.Max(before, arena));
            }
        }

        return new MemorySchedule(plan.Steps);
    }

    /// <summary>The phases of a request, in order.</summary>
    internal IReadOnlyList<MemoryPhase> PhasesOf(MemoryDemand demand)
    {
        List<MemoryPhase> phases = [];
        if (demand.Answers && HasLanguage)
        {
            phases.AddRange(EncoderPhases.Of(_bundle, _memory, demand));
            phases.Add(LanguagePhases.Of(_bundle, _memory, demand));
        }

        if (demand.Music is { } music)
        {
            phases.AddRange(_bundle.Manifest.Family switch
            {
                BundleFamily.MusicGen or BundleFamily.M2UGenMusicGen => MusicGenPhases.Of(_bundle, _memory, demand, music),
                BundleFamily.AudioLdm2 or BundleFamily.M2UGenAudioLdm2 => AudioLdm2Phases.Of(_bundle, _memory, demand, music),
                _ => [],
            });
        }

        return phases;
    }

    /// <summary>Settles what is unloaded when.</summary>
    internal MemoryPlan Schedule(IReadOnlyList<MemoryPhase> phases, MemoryPolicy policy, long? budget, IEnumerable<string> loaded)
    {
        MemoryResidency residency = new(phases, _memory.WeightsOf, BytesOfProcess, loaded.ToDictionary(component => component, component => _left.GetValueOrDefault(component), StringComparer.Ordinal));
        List<MemoryPlanStep> steps = [];
        for (int i = 0; i < phases.Count; i++)
        {
            MemoryPlanStep step = residency.Enter(i, policy, budget);
            steps.Add(step with { MappedBytes = step.MappedBytes + MappedBytesOfProcess });
        }

        return new MemoryPlan { Steps = steps, BaseBytes = BytesOfProcess, BudgetBytes = budget };
    }
}
