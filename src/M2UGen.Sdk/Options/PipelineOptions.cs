namespace M2UGen.Sdk;

/// <summary>How a pipeline uses the machine, and the defaults of its requests. Immutable; derive a variant by <c>with</c>.</summary>
public sealed record PipelineOptions
{
    /// <summary>All values at their defaults.</summary>
    public static PipelineOptions Default { get; } = new();

    /// <summary>Threads within one operator of a graph.</summary>
    /// <value>Null: as many as the process has physical cores, in one pool for all graphs of the process. Allowed: 1 to 1024. Another number of threads may change the last bits of a result.</value>
    public int? Threads { get; init; }

    /// <summary>How long loaded components stay in memory.</summary>
    /// <value><see cref="MemoryPolicy.KeepLoaded"/>. <see cref="MemoryPolicy.OneStageAtATime"/> needs <see cref="MaxConcurrentRequests"/> of 1.</value>
    public MemoryPolicy Memory { get; init; } = MemoryPolicy.KeepLoaded;

    /// <summary>The most anonymous memory that the process may take, in bytes, as <see cref="MemoryPlan"/> predicts it; pages of mapped files count apart, since the system can take them back.</summary>
    /// <value>
    /// Null: no limit. 1 or more. Components stay loaded as long as that fits, else those are unloaded whose next use is furthest away; a request that does not fit all the same is refused
    /// with a <see cref="MemoryBudgetException"/> before any work. Needs <see cref="MaxConcurrentRequests"/> of 1, and no <see cref="LoadEagerly"/>.
    /// </value>
    public long? MemoryBudget { get; init; }

    /// <summary>How many requests may run at a time; the others wait in the order of their arrival.</summary>
    /// <value>1: a request has the whole device. Allowed: 1 to 64. Each running request has its own key/value caches.</value>
    public int MaxConcurrentRequests { get; init; } = 1;

    /// <summary>How many updates a stream holds for a slow reader before generation waits for it.</summary>
    /// <value>64. Allowed: 1 to 65536.</value>
    public int StreamBufferSize { get; init; } = 64;

    /// <summary>How many prompts the language model keeps with all that it computed for them: a request whose prompt begins like a kept one goes on from there. The instruction's template is read once, and a conversation's earlier turns are not read again.</summary>
    /// <value>1. Allowed: 0 to 64; 0 keeps nothing. Each takes the key/value memory of its prompt and answer until another one takes its place. Answers are the same with any number.</value>
    public int CachedPrompts { get; init; } = 1;

    /// <summary>How many prompt tokens the language model reads in one call; smaller pieces need less memory and can be cancelled sooner.</summary>
    /// <value>256. Allowed: 1 to 65536.</value>
    public int PrefillChunkSize { get; init; } = 256;

    /// <summary>How many pieces of a batch (<see cref="IM2UGenPipeline.GenerateMusicBatchAsync"/>) MusicGen makes side by side; the others follow.</summary>
    /// <value>4. Allowed: 1 to 64. Each piece has its own key/value cache, so the music stage's memory grows with it. AudioLDM2 makes one after the other.</value>
    public int MusicBatchSize { get; init; } = 4;

    /// <summary>Whether LoadAsync opens every component at once instead of each at its first use.</summary>
    /// <value>False.</value>
    public bool LoadEagerly { get; init; }

    /// <summary>The habits of the reference that requests follow unless they say otherwise.</summary>
    /// <value><see cref="M2UGen.Sdk.Fidelity.Improved"/>.</value>
    public Fidelity Fidelity { get; init; } = Fidelity.Improved;

    /// <summary>Limits for the sound, pictures and films of requests, and where ffmpeg is.</summary>
    /// <value><see cref="MediaOptions.Default"/>.</value>
    public MediaOptions Media { get; init; } = MediaOptions.Default;

    internal void Check(OptionsCheck check)
    {
        const string Owner = nameof(PipelineOptions);
        check.Range(Owner, nameof(Threads), Threads, 1, 1024);
        check.Defined(Owner, nameof(Memory), Memory);
        check.Range(Owner, nameof(MaxConcurrentRequests), MaxConcurrentRequests, 1, Memory == MemoryPolicy.OneStageAtATime || MemoryBudget is not null ? 1 : 64);
        check.AtLeast(Owner, nameof(MemoryBudget), MemoryBudget, 1);
        check.NotBoth(Owner, nameof(LoadEagerly), LoadEagerly ? true : null, nameof(MemoryBudget), MemoryBudget);
        check.Range(Owner, nameof(StreamBufferSize), StreamBufferSize, 1, 65536);
        check.Range(Owner, nameof(CachedPrompts), CachedPrompts, 0, 64);
        check.Range(Owner, nameof(PrefillChunkSize), PrefillChunkSize, 1, 65536);
        check.Range(Owner, nameof(MusicBatchSize), MusicBatchSize, 1, 64);
        check.NotNull(Owner, nameof(Fidelity), Fidelity);
        check.NotNull(Owner, nameof(Media), Media);
        Media?.Check(check);
    }
}
