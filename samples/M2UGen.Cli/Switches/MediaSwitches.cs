using System.CommandLine;
using M2UGen.Sdk;

namespace M2UGen.Cli.Switches;

/// <summary>What the model listens to and looks at. The names with an underscore are those of the reference's inference.py.</summary>
internal sealed class MediaSwitches
{
    private readonly Option<string?> _audio = new("--audio", "--audio_file") { Description = "Sound to listen to: WAV, or whatever ffmpeg reads.", HelpName = "file" };
    private readonly Option<string?> _image = new("--image", "--image_file") { Description = "A picture to look at.", HelpName = "file" };
    private readonly Option<string?> _video = new("--video", "--video_file") { Description = "A film to look at (its sound is not heard; give the file as --audio too for that).", HelpName = "file" };
    private readonly Option<bool> _knn = new("--knn") { Description = "Mix what is heard with its nearest neighbours in the bundle's collection of features." };
    private readonly Option<string?> _index = new("--knn-index") { Description = "Mix with this flat faiss index instead of the bundle's.", HelpName = "file" };
    private readonly Option<string?> _directory = new("--knn_dir") { Description = "The directory of such an index, named knn.index there.", HelpName = "directory" };
    private readonly Option<int?> _size = new("--knn-size") { Description = $"How many neighbours. Default: {KnnOptions.Default.CacheSize}.", HelpName = "count", CustomParser = NumberParser.Parse<int> };
    private readonly Option<double?> _temperature = new("--knn-temperature") { Description = FormattableString.Invariant($"How much nearer neighbours weigh more. Default: {KnnOptions.Default.Temperature}."), HelpName = "number", CustomParser = NumberParser.Parse<double> };
    private readonly Option<double?> _weight = new("--knn-weight") { Description = FormattableString.Invariant($"The neighbours' share, 0 to 1. Default: {KnnOptions.Default.Weight}."), HelpName = "number", CustomParser = NumberParser.Parse<double> };

    /// <summary>Adds the switches to <paramref name="command"/>.</summary>
    /// <param name="command">The command.</param>
    /// <param name="needsAudio">Whether a sound must be given.</param>
    public MediaSwitches(Command command, bool needsAudio = false)
    {
        _audio.Required = needsAudio;
        foreach (Option option in new Option[] { _audio, _image, _video, _knn, _index, _directory, _size, _temperature, _weight })
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetResult(_index) is not null && result.GetResult(_directory) is not null)
            {
                result.AddError("Give --knn-index or --knn_dir, not both.");
            }
        });
    }

    /// <summary>Adds what was given to a request; the files are read when it is sent.</summary>
    public M2UGenRequest Add(ParseResult parsed, M2UGenRequest request)
    {
        request = parsed.GetValue(_audio) is string audio ? request.WithAudio(audio) : request;
        request = parsed.GetValue(_image) is string image ? request.WithImage(image) : request;
        request = parsed.GetValue(_video) is string video ? request.WithVideo(video) : request;
        return AddKnn(parsed, request);
    }

    /// <summary>Adds the mixing with neighbours alone.</summary>
    public M2UGenRequest AddKnn(ParseResult parsed, M2UGenRequest request)
    {
        string? index = parsed.GetValue(_index) ?? (parsed.GetValue(_directory) is string directory ? Path.Combine(directory, "knn.index") : null);
        bool wanted = parsed.GetValue(_knn) || index is not null
            || new Option[] { _size, _temperature, _weight }.Any(option => parsed.GetResult(option) is not null);
        return !wanted ? request : request.WithKnn(KnnOptions.Default with
        {
            IndexPath = index,
            CacheSize = parsed.GetValue(_size) ?? KnnOptions.Default.CacheSize,
            Temperature = parsed.GetValue(_temperature) ?? KnnOptions.Default.Temperature,
            Weight = parsed.GetValue(_weight) ?? KnnOptions.Default.Weight,
        });
    }
}
