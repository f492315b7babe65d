using System.Diagnostics;
using M2UGen.Sdk.Diagnostics;
using M2UGen.Sdk.Runtime.Bundles;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace M2UGen.Sdk.Runtime;

/// <summary>The components of one bundle, each loaded when it is first asked for and shared from then on.</summary>
/// <remarks>Thread-safe. <see cref="Dispose"/> must come after the last run: the pipeline waits for its requests first.</remarks>
internal sealed class ModelSet : IDisposable
{
    private readonly Dictionary<string, Slot> _slots = new(StringComparer.Ordinal);
    private readonly Func<string, IOnnxModel> _load;
    private bool _disposed;

    /// <summary>Asked before a component is used which others are to be unloaded first, so that it finds room; null: none ever are.</summary>
    /// <remarks>Only for one request at a time: what it names may not be running.</remarks>
    public Func<string, IReadOnlyList<string>>? MakeRoom { get; set; }

    /// <param name="bundle">Where the components lie.</param>
    /// <param name="options">How sessions are made.</param>
    /// <param name="logger">Told of every component that was loaded, and of the time it took.</param>
    public ModelSet(ModelBundle bundle, RuntimeOptions options, ILogger? logger = null)
        : this(component =>
        {
            long start = Stopwatch.GetTimestamp();
            OnnxModel model = OnnxModel.Load(bundle, component, options);

            // Loading copies weights about, and what it no longer needs can be as large as they are.
            NativeHeap.Trim();
            Log.ComponentLoaded(logger ?? NullLogger.Instance, component, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            return model;
        })
    {
    }

    /// <summary>For tests: components from anywhere.</summary>
    internal ModelSet(Func<string, IOnnxModel> load) => _load = load;

    /// <summary>The component's model; loads it on the first call, and again after a call that failed.</summary>
    public IOnnxModel Get(string component)
    {
        if (MakeRoom?.Invoke(component) is { Count: > 0 } others)
        {
            Unload(others);
        }

        Slot? slot;
        lock (_slots)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_slots.TryGetValue(component, out slot))
            {
                slot = new Slot();
                _slots.Add(component, slot);
            }
        }

        // Loading takes seconds: only callers of the same component wait for it.
        lock (slot.Gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return slot.Model ??= _load(component);
        }
    }

    /// <summary>The names of the components that are loaded now.</summary>
    public IReadOnlyList<string> Loaded
    {
        get
        {
            lock (_slots)
            {
                return [.. _slots.Where(pair => pair.Value.Model is not null).Select(pair => pair.Key)];
            }
        }
    }

    /// <summary>Frees the named components until they are asked for again. Nobody may be running one.</summary>
    public void Unload(params IEnumerable<string> components)
    {
        List<Slot> slots = [];
        lock (_slots)
        {
            foreach (string component in components)
            {
                if (_slots.TryGetValue(component, out Slot? slot))
                {
                    slots.Add(slot);
                }
            }
        }

        Free(slots);
    }

    /// <summary>Frees every component until it is asked for again. Nobody may be running one.</summary>
    public void UnloadAll()
    {
        List<Slot> slots;
        lock (_slots)
        {
            slots = [.. _slots.Values];
        }

        Free(slots);
    }

    public void Dispose()
    {
        List<Slot> slots;
        lock (_slots)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            slots = [.. _slots.Values];
        }

        Free(slots);
    }

    private static void Free(List<Slot> slots)
    {
        bool freed = false;
        foreach (Slot slot in slots)
        {
            lock (slot.Gate)
            {
                freed |= slot.Model is not null;
                slot.Model?.Dispose();
                slot.Model = null;
            }
        }

        if (freed)
        {
            NativeHeap.Trim();
        }
    }

    private sealed class Slot
    {
        public object Gate { get; } = new();

        public IOnnxModel? Model { get; set; }
    }
}
