namespace M2UGen.Sdk.Language.Generation;

/// <summary>Watches an answer being written.</summary>
internal interface ITokenSink
{
    /// <summary>A token was chosen.</summary>
    /// <param name="id">The token.</param>
    /// <param name="count">How many were chosen so far, this one included.</param>
    void OnToken(int id, int count);
}
