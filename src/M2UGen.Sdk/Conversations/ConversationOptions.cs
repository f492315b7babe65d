namespace M2UGen.Sdk;

/// <summary>How the turns of a conversation are sent. Immutable; derive a variant by <c>with</c>. A single turn may differ: see <see cref="Conversation.SendAsync"/>.</summary>
public sealed record ConversationOptions
{
    /// <summary>All values at their defaults: what the reference's demo page does.</summary>
    public static ConversationOptions Default { get; } = new();

    /// <summary>How the tokens of answers are chosen.</summary>
    /// <value><see cref="GenerationOptions.Default"/>.</value>
    public GenerationOptions Generation { get; init; } = GenerationOptions.Default;

    /// <summary>What music to make.</summary>
    /// <value><see cref="MusicOptions.Default"/>. Without a <see cref="MusicOptions.Duration"/> music is as long as the sound or film of its turn, else as the last music.</value>
    public MusicOptions Music { get; init; } = MusicOptions.Default;

    /// <summary>Which habits of the reference are kept.</summary>
    /// <value>Null: those of <see cref="PipelineOptions.Fidelity"/>.</value>
    public Fidelity? Fidelity { get; init; }

    /// <summary>Whether the last music is the next turn's audio input. A bundle that cannot hear leaves it out.</summary>
    /// <value>True, as the reference's demo page. A sound that the turn brings wins, unless <see cref="M2UGen.Sdk.Fidelity.LastMusicReplacesAudio"/> is set.</value>
    public bool HearsLastMusic { get; init; } = true;

    /// <summary>How many earlier turns may be put into the prompt. Those that leave no room for the answer are left out, the oldest first.</summary>
    /// <value>0, as the reference: M2UGen is trained on single turns. Allowed: 0 and more; docs/fidelity.md shows the form.</value>
    public int MaxHistoryTurns { get; init; }

    internal void Check(OptionsCheck check)
    {
        const string Owner = nameof(ConversationOptions);
        check.NotNull(Owner, nameof(Generation), Generation);
        check.NotNull(Owner, nameof(Music), Music);
        check.AtLeast(Owner, nameof(MaxHistoryTurns), MaxHistoryTurns, 0);
        Generation?.Check(check);
        Music?.Check(check);
    }
}
