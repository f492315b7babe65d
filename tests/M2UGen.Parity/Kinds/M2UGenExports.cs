using M2UGen.Export;

namespace M2UGen.Parity.Kinds;

/// <summary>The bundle of a case's M2UGen checkpoint, made by the real exporter once per run and set of taps.</summary>
internal static class M2UGenExports
{
    public static string Bundle(ParityCase c, params string[] taps)
    {
        // The switches of gradio_app.py, as the case names their values; the checkpoint decides the rest.
        ExportOptions options = new()
        {
            OutputPath = "",
            Model = c.FileOf("checkpoint"),
            LlamaDirectory = c.FileOf("llama"),
            LlamaType = Text(c, "llama_type"),
            MusicDecoder = Text(c, "music_decoder"),
            MusicDecoderPath = FileOf(c, "musicgen"),
            MertPath = FileOf(c, "mert"),
            VitPath = FileOf(c, "vit"),
            VivitPath = FileOf(c, "vivit"),
            KnnDirectory = FileOf(c, "knn"),
            Taps = taps,
            Precision = c.Precision,
        };
        string key = string.Join('\n', [options.Model, options.LlamaDirectory, options.LlamaType, options.MusicDecoder, options.MusicDecoderPath, options.MertPath, options.VitPath, options.VivitPath, options.KnnDirectory, .. taps]);
        return c.Exports.Get(key, folder => Exporter.ExportAsync(options with { OutputPath = folder }).GetAwaiter().GetResult());
    }

    private static string? FileOf(ParityCase c, string key) => c.HasFile(key) ? c.FileOf(key) : null;

    private static string? Text(ParityCase c, string property) =>
        c.Json.TryGetProperty(property, out System.Text.Json.JsonElement value) ? value.GetString() : null;
}
