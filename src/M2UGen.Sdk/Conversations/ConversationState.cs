namespace M2UGen.Sdk.Conversations;

/// <summary>All that a conversation is at one moment. Immutable: a turn makes a new one, and to undo is to go back to <see cref="Before"/>.</summary>
/// <param name="Turns">The turns so far.</param>
/// <param name="LastMusic">What the next turn listens to, or null.</param>
/// <param name="Before">The state before the last turn; null at the beginning.</param>
internal sealed record ConversationState(IReadOnlyList<ConversationTurn> Turns, AudioClip? LastMusic, ConversationState? Before)
{
    /// <summary>Nothing was said.</summary>
    public static ConversationState Empty { get; } = new([], null, null);

    /// <summary>The state behind a further turn. Turns without music leave the last music where it is.</summary>
    public ConversationState With(ConversationTurn turn) => new(Array.AsReadOnly([.. Turns, turn]), turn.Music?.Audio ?? LastMusic, this);
}
