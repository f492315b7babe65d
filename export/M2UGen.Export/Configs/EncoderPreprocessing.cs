using System.Text.Json.Nodes;

namespace M2UGen.Export.Configs;

/// <summary>Reads an encoder directory's <c>preprocessor_config.json</c> into a section of the manifest's <c>preprocessing</c>; absent keys have transformers' defaults.</summary>
/// <remarks>The keys keep the file's names, except that every size is spelt out: <c>height</c> and <c>width</c>, or <c>shortest_edge</c>, and <c>crop_height</c>, <c>crop_width</c>.</remarks>
internal static class EncoderPreprocessing
{
    /// <summary>The file's name.</summary>
    public const string FileName = "preprocessor_config.json";

    private const int LargestSide = 1 << 13;

    // PIL's number of the bilinear filter.
    private const int Bilinear = 2;

    /// <summary>MERT (Wav2Vec2FeatureExtractor): sampling_rate, do_normalize.</summary>
    /// <param name="path">The file; may be absent.</param>
    /// <param name="model">The model's configuration, whose rate counts where the file is absent.</param>
    public static JsonObject Mert(string path, MertConfig model)
    {
        ConfigReader file = ConfigReader.OpenOptional(path);
        int features = file.IntOr("feature_size", 1, largest: 1 << 10);
        file.Require(features == 1, "feature_size", $"{features} channels are not supported; expected 1");
        JsonObject section = new()
        {
            ["sampling_rate"] = file.IntOr("sampling_rate", model.SampleRate, largest: 1 << 20),
            ["do_normalize"] = file.BoolOr("do_normalize", true),
        };
        file.ThrowIfWrong("audio preprocessing");
        return section;
    }

    /// <summary>ViT (ViTImageProcessor): height, width, image_mean, image_std. Its rescaling is always on: the reference switches it off because its pictures are already 0 to 1.</summary>
    /// <param name="path">The file; may be absent.</param>
    /// <param name="model">The model's configuration, whose input the result must fit.</param>
    public static JsonObject Vit(string path, VitConfig model)
    {
        ConfigReader file = ConfigReader.OpenOptional(path);
        JsonObject section = [];
        int image = model.Transformer.ImageSize;
        ReadSize(file, "size", section, "height", "width", image);
        CheckSize(file, "size", section, "height", "width", image);
        ReadColours(file, section, model.Transformer.Channels);
        file.ThrowIfWrong("image preprocessing");
        return section;
    }

    /// <summary>ViViT (VivitImageProcessor): shortest_edge or height and width, crop_height and crop_width, rescale_factor, offset, image_mean, image_std.</summary>
    /// <param name="path">The file; may be absent.</param>
    /// <param name="model">The model's configuration, whose input the result must fit.</param>
    public static JsonObject Vivit(string path, VivitConfig model)
    {
        ConfigReader file = ConfigReader.OpenOptional(path);
        JsonObject section = [];
        int image = model.Transformer.ImageSize;
        if (!file.Has("size"))
        {
            section["shortest_edge"] = 256;
        }
        else if (file.IsSection("size") && file.Section("size").Has("shortest_edge"))
        {
            section["shortest_edge"] = file.Section("size").Int("shortest_edge", largest: LargestSide);
        }
        else if (!file.IsSection("size") && !file.IsList("size"))
        {
            // Here, and only here, a bare number is the shorter side and not a square: VivitImageProcessor reads its size with default_to_square off.
            section["shortest_edge"] = file.Int("size", largest: LargestSide);
        }
        else
        {
            ReadSize(file, "size", section, "height", "width", image);
        }

        bool crops = file.BoolOr("do_center_crop", true);
        file.Require(crops || !section.ContainsKey("shortest_edge"), "do_center_crop", "false leaves frames of any shape; expected true with a shortest_edge");
        ReadSize(file, crops ? "crop_size" : "size", section, "crop_height", "crop_width", image);
        CheckSize(file, "crop_size", section, "crop_height", "crop_width", image);
        foreach (string side in (string[])["height", "width"])
        {
            string edge = section.ContainsKey("shortest_edge") ? "shortest_edge" : side;
            file.RequireTogether((int?)section[edge] >= (int?)section[$"crop_{side}"], "crop_size", $"is larger than the resized frame's {edge}");
        }

        bool rescales = file.BoolOr("do_rescale", true);
        bool offset = file.BoolOr("offset", true);
        file.Require(rescales || !offset, "do_rescale", "false does not go with an offset, which is on unless the file says otherwise; expected true, or offset false");
        double factor = file.DoubleOr("rescale_factor", 1 / 127.5, 0, 1);
        section["rescale_factor"] = rescales ? factor : 1;
        section["offset"] = offset;
        ReadColours(file, section, model.Transformer.Channels);
        file.ThrowIfWrong("video preprocessing");
        return section;
    }

    /// <summary>A size as a number (a square), as a list of height and width, or as an object of both (transformers, image_processing_utils.py, get_size_dict).</summary>
    private static void ReadSize(ConfigReader file, string key, JsonObject section, string height, string width, int absent)
    {
        if (file.IsSection(key))
        {
            ConfigReader size = file.Section(key);
            section[height] = size.Int("height", largest: LargestSide);
            section[width] = size.Int("width", largest: LargestSide);
        }
        else if (file.IsList(key))
        {
            int[] sides = file.Ints(key, most: 2, largest: LargestSide);
            file.Require(sides.Length == 2, key, $"a list of {sides.Length} is no size; expected height and width");
            section[height] = sides.FirstOrDefault(absent);
            section[width] = sides.LastOrDefault(absent);
        }
        else
        {
            int side = file.IntOr(key, absent, largest: LargestSide);
            section[height] = side;
            section[width] = side;
        }
    }

    private static void CheckSize(ConfigReader file, string key, JsonObject section, string height, string width, int image)
        => file.RequireTogether(
            (int)section[height]! == image && (int)section[width]! == image,
            key,
            $"{(int)section[height]!} x {(int)section[width]!} differs from the model's image_size {image}");

    private static void ReadColours(ConfigReader file, JsonObject section, int channels)
    {
        file.Require(channels == 3, "num_channels", $"{channels} colour channels are not supported; expected 3");
        file.Require(file.BoolOr("do_resize", true), "do_resize", "false is not supported; expected true");
        int filter = file.IntOr("resample", Bilinear, smallest: 0, largest: 5);
        file.Require(filter == Bilinear, "resample", $"filter {filter} is not supported; expected {Bilinear} (bilinear)");
        bool normalizes = file.BoolOr("do_normalize", true);
        double[] mean = file.DoublesOr("image_mean", 3, 0.5);
        double[] deviation = file.DoublesOr("image_std", 3, 0.5);
        file.RequireTogether(deviation.All(value => value > 0), "image_std", "expected numbers above 0");
        section["image_mean"] = List(normalizes ? mean : [0, 0, 0]);
        section["image_std"] = List(normalizes ? deviation : [1, 1, 1]);

        static JsonArray List(double[] values) => new([.. values.Select(value => JsonValue.Create(value))]);
    }
}
