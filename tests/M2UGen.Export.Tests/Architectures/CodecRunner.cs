using System.Globalization;
using M2UGen.Export.Bundles;

namespace M2UGen.Export.Tests.Architectures;

/// <summary>Runs an <c>encodec-decoder</c> graph by the numbers of its component alone, as a caller does.</summary>
internal sealed class CodecRunner(BundlePart part) : IDisposable
{
    private readonly GraphRunner runner = new(part.Graph);

    /// <summary>A number of a component.</summary>
    public static int Number(BundlePart part, string key) => int.Parse(part.Config[key]!.ToJsonString(), CultureInfo.InvariantCulture);

    /// <summary>Decodes codes [B, K, T] in one piece.</summary>
    public Dictionary<string, (float[] Values, long[] Shape)> Decode(long[] codes, long rows)
        => Decode(codes, rows, codes.Length / rows / Number("codebooks"), new State(Number("lstm_layers"), rows, Number("lstm_size")), 0, 0);

    /// <summary>Decodes codes [1, K, frames] in pieces of <paramref name="piece"/> new frames.</summary>
    public float[] DecodePieceByPiece(long[] codes, int frames, int piece)
    {
        int left = Number("conv_left_frames");
        int right = Number("conv_right_frames");
        int perFrame = Number("samples_per_frame");
        int keep = Number("stack_left_frames") + Number("stack_right_frames");
        State state = new(Number("lstm_layers"), 1, Number("lstm_size"));
        List<float> sound = [];
        int done = 0;
        while (done < frames)
        {
            int end = Math.Min(done + piece, frames);
            int seenFrom = Math.Max(0, done - left);
            int seenTo = Math.Min(frames, end + right);
            int context = state.KeepContext(keep);
            float[] audio = Decode(Columns(codes, frames, seenFrom, seenTo), 1, seenTo - seenFrom, state, done - seenFrom, seenTo - end)["audio"].Values;

            // Sample 0 of this piece is the first of its context frames.
            int first = (done - context) * perFrame;
            int exactTo = end == frames ? frames * perFrame : (end * perFrame) - Number("stack_right_samples");
            if (exactTo > sound.Count)
            {
                Assert.True(first == 0 || sound.Count - first >= Number("stack_left_samples"), "The kept context is too short.");
                sound.AddRange(audio[(sound.Count - first)..(exactTo - first)]);
            }

            done = end;
        }

        return [.. sound];
    }

    public void Dispose() => runner.Dispose();

    private int Number(string key) => Number(part, key);

    private Dictionary<string, (float[] Values, long[] Shape)> Decode(long[] codes, long rows, long frames, State state, long dropLeft, long dropRight)
    {
        Dictionary<string, (float[] Values, long[] Shape)> outputs = runner.Run(
            ("codes", codes, [rows, codes.Length / rows / frames, frames]),
            ("lstm_h", state.Hidden, state.Shape),
            ("lstm_c", state.Cell, state.Shape),
            ("context", state.Context, [rows, state.Size, state.Context.Length / rows / state.Size]),
            ("drop_left", new[] { dropLeft }, [1]),
            ("drop_right", new[] { dropRight }, [1]));
        state.Take(outputs);
        return outputs;
    }

    private static long[] Columns(long[] codes, int frames, int from, int to)
        => [.. Enumerable.Range(0, codes.Length / frames).SelectMany(row => codes[((row * frames) + from)..((row * frames) + to)])];

    /// <summary>What goes from piece to piece.</summary>
    private sealed class State(long layers, long rows, long size)
    {
        public long Size { get; } = size;

        public long[] Shape { get; } = [layers, rows, size];

        public float[] Hidden { get; private set; } = new float[layers * rows * size];

        public float[] Cell { get; private set; } = new float[layers * rows * size];

        /// <summary>[B, size, frames].</summary>
        public float[] Context { get; private set; } = [];

        public void Take(Dictionary<string, (float[] Values, long[] Shape)> outputs)
        {
            Hidden = outputs["lstm_h_out"].Values;
            Cell = outputs["lstm_c_out"].Values;
            Context = outputs["context_out"].Values;
        }

        /// <summary>Keeps the last frames of the context only.</summary>
        public int KeepContext(int frames)
        {
            int channels = (int)(Shape[1] * Size);
            int have = Context.Length / channels;
            int keep = Math.Min(frames, have);
            float[] kept = new float[channels * keep];
            for (int channel = 0; channel < channels; channel++)
            {
                Context.AsSpan((channel * have) + have - keep, keep).CopyTo(kept.AsSpan(channel * keep));
            }

            Context = kept;
            return keep;
        }
    }
}
