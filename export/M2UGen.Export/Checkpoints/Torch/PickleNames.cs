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
        if (root is not PickleContainer top)
        {
            if (wanted(root))
            {
                found(string.Empty, root);
            }

            return;
        }

        Count(file, top, wanted);
        if (top.Leaves > MaxLeaves)
        {
            throw file.Fail($"its pickle holds more than {MaxLeaves} values under different names; no checkpoint does.");
        }

        long characters = 0;
        Stack<(string Prefix, IEnumerator<(string Name, object? Value)> Children)> open = [];
        open.Push((string.Empty, Children(top).GetEnumerator()));
        while (open.TryPeek(out var level))
        {
            if (!level.Children.MoveNext())
            {
                open.Pop();
                continue;
            }

            (string key, object? value) = level.Children.Current;
            PickleContainer? container = value as PickleContainer;
            if (container is not null ? container.Leaves == 0 : !wanted(value))
            {
                continue;
            }

            string name = level.Prefix + key;
            characters += name.Length;
            if (open.Count > MaxDepth || characters > MaxCharacters)
            {
                throw file.Fail($"its pickle nests or names its values beyond all measure (depth {open.Count}, at {Text.Quote(name)}).");
            }

            if (container is not null)
            {
                open.Push((name + "/", Children(container).GetEnumerator()));
            }
            else
            {
                found(name, value);
            }
        }
    }

    /// <summary>Writes <see cref="PickleContainer.Leaves"/> of a container and all below it.</summary>
    private static void Count(CheckpointFile file, PickleContainer root, Predicate<object?> wanted)
    {
        const long open = -1;
        object walk = new();
        Stack<Frame> frames = [];
        root.Walk = walk;
        root.Leaves = open;
        frames.Push(new Frame(root, root.Parts));
        while (frames.TryPop(out Frame frame))
        {
            PickleContainer? descend = null;
            while (descend is null && frame.Next < frame.Parts.Count)
            {
                object? part = frame.Parts[frame.Next];
                if (part is PickleContainer container)
                {
                    if (container.Walk != walk)
                    {
                        // Its own count comes first; then this part is looked at again.
                        descend = container;
                        continue;
                    }

                    if (container.Leaves == open)
                    {
                        throw file.Fail("its pickle holds a container that contains itself.");
                    }

                    frame.Leaves = Math.Min(frame.Leaves + container.Leaves, MaxLeaves + 1);
                }
                else if (wanted(part))
                {
                    frame.Leaves++;
                }

                frame.Next++;
            }

            if (descend is null)
            {
                frame.Node.Leaves = frame.Leaves;
                continue;
            }

            descend.Walk = walk;
            descend.Leaves = 0;
            IReadOnlyList<object?> parts = descend.Parts;
            frames.Push(frame);
            if (parts.Count > 0)
            {
                descend.Leaves = open;
                frames.Push(new Frame(descend, parts));
            }
        }
    }

    private static IEnumerable<(string Name, object? Value)> Children(PickleContainer container)
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
            IReadOnlyList<object?> items = container.Parts;
            for (int i = 0; i < items.Count; i++)
            {
                yield return (i.ToString(CultureInfo.InvariantCulture), items[i]);
            }
        }
    }

    /// <summary>A container half counted.</summary>
    private struct Frame(PickleContainer node, IReadOnlyList<object?> parts)
    {
        public PickleContainer Node { get; } = node;

        public IReadOnlyList<object?> Parts { get; } = parts;

        public int Next { get; set; }

        public long Leaves { get; set; }
    }
}
