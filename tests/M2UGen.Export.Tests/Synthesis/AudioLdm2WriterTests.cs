using System.Text.Json.Nodes;
using M2UGen.Export.Bundles;
using M2UGen.Export.Checkpoints;
using M2UGen.Export.Sources;
using M2UGen.Export.Synthesis;
using M2UGen.Sdk.Language.Tokenization;
using M2UGen.Testing;

namespace M2UGen.Export.Tests.Synthesis;

/// <summary>Made-up AudioLDM2 directories against the reader of published ones, narrow and shallow so that they are small.</summary>
public sealed class AudioLdm2WriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WriteWeights_NarrowAndShallow_IsAnAudioLdm2ThatCanBeExported()
    {
        ReducedAudioLdm2.Write(_folder.Path, seed: 1);
        using AudioLdm2Directory source = AudioLdm2Directory.Open(_folder.Path);
        string[] components = [.. source.CreateParts().Select(part => part.Component).Order(StringComparer.Ordinal)];

        Assert.Equal(["clap-audio", "clap-text", "gpt2", "projection", "t5", "unet", "unet-condition", "unet-time", "vae-decoder", "vocoder"], components);
        Assert.Equal(128, source.Preprocessing["caption_max_length"]!.GetValue<int>());
        long bytes = Directory.EnumerateFiles(_folder.Path, "*.safetensors", SearchOption.AllDirectories).Sum(Tensors);
        Assert.Equal(bytes, AudioLdm2Writer.CountBytes(_folder.Path));

        static long Tensors(string file)
        {
            using Checkpoint checkpoint = Checkpoint.Open(file);
            return checkpoint.Tensors.Values.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size) * tensor.ElementType.Size());
        }
    }

    [Fact]
    public void CreateParts_CaptionsThatGpt2HasNoPositionsFor_AreNamed()
    {
        ReducedAudioLdm2.Write(_folder.Path, seed: 1);
        string path = Path.Combine(_folder.Path, "tokenizer_2", "tokenizer_config.json");
        JsonObject settings = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        settings["model_max_length"] = 1013;
        File.WriteAllText(path, settings.ToJsonString());
        using AudioLdm2Directory source = AudioLdm2Directory.Open(_folder.Path);

        // 4 rows before the caption, 8 vectors behind it.
        Assert.Contains("captions have 1013 tokens, which with the rows around them and gpt2's 8 vectors take 1025 positions; gpt2 has 1024", Assert.Throws<CheckpointException>(() => source.CreateParts()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WriteWeights_Clap_HoldsItsTablesAsTheReferenceDoes()
    {
        ReducedAudioLdm2.Write(_folder.Path, seed: 1);
        using Checkpoint checkpoint = Checkpoint.OpenDirectory(Path.Combine(_folder.Path, "text_encoder"));
        CheckpointTensor index = checkpoint.Tensors["audio_model.audio_encoder.layers.0.blocks.0.attention.self.relative_position_index"];

        Assert.Equal(TensorElementType.Int64, index.ElementType);
        Assert.Equal([64, 64], index.Shape);
        float[] numbers = index.ReadFloat32();

        // A window of eight: a position to itself is the middle of 15 x 15, the first to the last of all the first entry.
        Assert.Equal((112, 0, 224), (numbers[0], numbers[63], numbers[63 * 64]));
        Assert.Equal(TensorElementType.Float64, checkpoint.Tensors["logit_scale_a"].ElementType);
        Assert.Equal(Enumerable.Range(0, 514).Select(position => (float)position), checkpoint.Tensors["text_model.embeddings.position_ids"].ReadFloat32());
    }

    [Fact]
    public void WriteWeights_AnotherSeed_GivesOtherNumbersInEveryFolder()
    {
        string[] places = [.. new[] { "a", "b", "c" }.Select(name => Directory.CreateDirectory(Path.Combine(_folder.Path, name)).FullName)];
        for (int i = 0; i < places.Length; i++)
        {
            ReducedAudioLdm2.Write(places[i], seed: (ulong)(i / 2));
        }

        string[] files = [.. Directory.EnumerateFiles(places[0], "*.safetensors", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(places[0], file))];
        Assert.Equal(7, files.Length);
        Assert.All(files, file =>
        {
            byte[] bytes = File.ReadAllBytes(Path.Combine(places[0], file));
            Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(places[1], file)));
            Assert.NotEqual(bytes, File.ReadAllBytes(Path.Combine(places[2], file)));
        });
    }

    [Fact]
    public void Roberta_HasThePublishedSizeAndIdsAndKnowsAllText()
    {
        (byte[] vocabulary, byte[] merges) = VocabularyWriter.Roberta(50265);
        File.WriteAllBytes(Path.Combine(_folder.Path, "vocab.json"), vocabulary);
        File.WriteAllBytes(Path.Combine(_folder.Path, "merges.txt"), merges);
        JsonObject ids = JsonNode.Parse(vocabulary)!.AsObject();
        IReadOnlyList<int> text = RobertaTextTokenizer.Load(_folder.Path).Encode("a calm piano – né? \u97F3");

        Assert.Equal(50265, ids.Count);
        Assert.Equal((0, 1, 2, 3, 50264), (Id("<s>"), Id("<pad>"), Id("</s>"), Id("<unk>"), Id("<mask>")));
        Assert.Equal((0, 2), (text[0], text[^1]));
        Assert.DoesNotContain(3, text);
        Assert.Contains(Id("\u0120pi"), text);

        int Id(string piece) => ids[piece]!.GetValue<int>();
    }
}
