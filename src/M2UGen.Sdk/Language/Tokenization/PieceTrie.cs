using System.Runtime.InteropServices;

namespace M2UGen.Sdk.Language.Tokenization;

/// <summary>A prefix tree over UTF-16 text with an int at the end of each entry; read-only use is thread-safe.</summary>
internal sealed class PieceTrie
{
    private readonly Dictionary<ulong, int> _edges = [];
    private readonly List<int> _values = [-1];

    /// <summary>The node that every walk starts from.</summary>
    public const int Root = 0;

    /// <summary>Adds an entry; a second entry of the same text replaces the first. Values are 0 or more.</summary>
    public void Add(ReadOnlySpan<char> text, int value)
    {
        int node = Root;
        foreach (char c in text)
        {
            ref int next = ref CollectionsMarshal.GetValueRefOrAddDefault(_edges, Key(node, c), out bool exists);
            if (!exists)
            {
                next = _values.Count;
                _values.Add(-1);
            }

            node = next;
        }

        _values[node] = value;
    }

    /// <summary>Follows one character; false where no entry goes on with it.</summary>
    public bool Step(ref int node, char c)
    {
        if (!_edges.TryGetValue(Key(node, c), out int next))
        {
            return false;
        }

        node = next;
        return true;
    }

    /// <summary>The value of the entry that ends at <paramref name="node"/>, or -1.</summary>
    public int Value(int node) => _values[node];

    /// <summary>The longest entry that <paramref name="text"/> starts with: its value, or -1 with length 0.</summary>
    public int Longest(ReadOnlySpan<char> text, out int length)
    {
        int node = Root;
        int found = -1;
        length = 0;
        for (int i = 0; i < text.Length && Step(ref node, text[i]); i++)
        {
            if (_values[node] >= 0)
            {
                found = _values[node];
                length = i + 1;
            }
        }

        return found;
    }

    private static ulong Key(int node, char c) => ((ulong)(uint)node << 16) | c;
}
