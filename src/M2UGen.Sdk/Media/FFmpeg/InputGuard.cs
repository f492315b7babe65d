using System.Globalization;

namespace M2UGen.Sdk.Media.FFmpeg;

/// <summary>The options before an input that keep a hostile file from reading anything but itself.</summary>
/// <remarks>
/// ffmpeg guesses a file's format from its contents, and some formats are lists of other files or addresses (HLS, concat, DASH, IMF, SDP, image sequences, scripts).
/// Only formats that hold their own sound and pictures are allowed here, and only the file protocol.
/// </remarks>
internal static class InputGuard
{
    /// <summary>Containers and streams of sound and films, by ffmpeg's names.</summary>
    public const string Formats =
        "flac,mp3,ogg,mov,aac,aiff,wav,w64,caf,wv,ape,tta,tak,au,ac3,eac3,dts,amr,dsf,matroska,webm,avi,flv,asf,mpeg,mpegts,mpegvideo,m4v,h264,hevc,obu,ivf,dv,mxf,gif";

    /// <summary>For ffmpeg and ffprobe alike.</summary>
    /// <param name="formats">Allowed formats, by ffmpeg's names, with commas.</param>
    /// <param name="maxPixels">The largest picture that a decoder may make.</param>
    public static string Arguments(string formats, int maxPixels) =>
        string.Create(CultureInfo.InvariantCulture, $"-protocol_whitelist file -format_whitelist {formats} -max_pixels {maxPixels}");
}
