using System.Globalization;

namespace M2UGen.Export.Checkpoints.Torch;

/// <summary>Gives names to what a pickle holds: keys, attributes and list indexes joined by '/'.</summary>
/// <remarks>
/// Containers may be shared, so a small file can hold more paths than there are atoms; they may be nested a million deep, or hold themselves.
/// Hence two passes without recursion: the first counts the wanted leaves under every container once, the second walks only towards leaves, and
/// not at all when there are too many.
/// </remarks>
internal static class PickleNames
{
    private const int MaxDepth = 64;
    private const long MaxLeaves = 1_000_000;
    private const long MaxCharacters = 32 << 20;

    /// <summary>Calls <paramref name="found"/> with the name of every leaf that <paramref name="wanted"/> accepts, in the file's order.</summary>
    /// <exception cref="CheckpointException">A container holds itself, or leaves are too many or too deep.</exception>
    public static void Walk(CheckpointFile file, object? root, Predicate<object?> wanted, Action<string, object?> found)
    {
        if (!IsContainer(root))
        {
            if (wanted(root))
            {
                found(string.Empty, root);
            }

            return;
        }

        Dictionary<object, long> counts = Count(file, root!, wanted);
        if (counts[root!] > MaxLeaves)
        {
            throw file.Fail($"its pickle holds more than {MaxLeaves} values under different names; no checkpoint does.");
        }

        long characters = 0;
        Stack<(string Prefix, IEnumerator<(string Name, object? Value)> Children)> open = [];
        open.Push((string.Empty, Children(root!).GetEnumerator()));
        while (open.TryPeek(out var top))
        {
            if (!top.Children.MoveNext())
            {
                open.Pop();
                continue;
            }

            (string key, object? value) = top.Children.Current;
            bool container = IsContainer(value);
            if (container ? counts[value!] == 0 : !wanted(value))
            {
                continue;
            }

            string name = top.Prefix + key;
            characters += name.Length;
            if (open.Count > MaxDepth || characters > MaxCharacters)
            {
                throw file.Fail($"its pickle nests or names its values beyond all measure (depth {open.Count}, at {Text.Quote(name)}).");
            }

            if (container)
            {
                open.Push((name + "/", Children(value!).GetEnumerator()));
            }
            else
            {
                found(name, value);
            }
        }
    }

    /// <summary>How many wanted leaves there are under each container, shared ones counted once a path.</summary>
    private static Dictionary<object, long> Count(CheckpointFile file, object root, Predicate<object?> wanted)
    {
        const long open = -1;
        Dictionary<object, long> counts = new(ReferenceEqualityComparer.Instance) { [root] = open };
        Stack<Frame> frames = [];
        frames.Push(new Frame(root));
        while (frames.Count > 0)
        {
            Frame frame = frames.Pop();
            object? descend = null;
            while (frame.TryNext(out object? child))
            {
                if (!IsContainer(child))
                {
                    frame.Leaves += wanted(child) ? 1 : 0;
                }
                else if (!counts.TryGetValue(child!, out long count))
                {
                    descend = child;
                    break;
                }
                else if (count == open)
                {
                    throw file.Fail("its pickle holds a container that contains itself.");
                }
                else
                {
                    frame.Leaves = Math.Min(frame.Leaves + count, MaxLeaves + 1);
                }
            }

            if (descend is not null)
            {
                counts[descend] = open;
                frame.StepBack();
                frames.Push(frame);
                frames.Push(new Frame(descend));
            }
            else
            {
                counts[frame.Node] = frame.Leaves;
            }
        }

        return counts;
    }

    /// <summary>Whether a value has named parts. Sets have none: their order means nothing.</summary>
    private static bool IsContainer(object? value) => value is PickleDict or PickleTuple or PickleList { IsSet: false };

    private static IEnumerable<(string Name, object? Value)> Children(object container)
    {
        if (container is PickleDict dict)
        {
            foreach ((object key, object? value) in dict.Items)
            {
                yield return (key as string ?? ((IFormattable)key).ToString(null, CultureInfo.InvariantCulture), value);
            }
        }
        else
        {
            IReadOnlyList<object?> items = container is PickleList list ? list.Items : ((PickleTuple)container).Items;
            for (int i = 0; i < items.Count; i++)
            {
                yield return (i.ToString(CultureInfo.InvariantCulture), items[i]);
            }
        }
    }

    /// <summary>A container half counted. A child that was met for the first time is counted when it is met again.</summary>
    private struct Frame
    {
        private readonly IReadOnlyList<object?> children;
        private int next;

        public Frame(object node)
        {
            Node = node;
            children = node switch
            {
                PickleTuple tuple => tuple.Items,
                PickleList list => list.Items,
                PickleDict dict => [.. dict.Items.Values],
                _ => [],
            };
        }

        public object Node { get; }

        public long Leaves { get; set; }

        public bool TryNext(out object? child)
        {
            bool more = next < children.Count;
            child = more ? children[next++] : null;
            return more;
        }

        public void StepBack() => next--;
    }
}
