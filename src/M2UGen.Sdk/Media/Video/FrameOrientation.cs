using System.Globalization;

namespace M2UGen.Sdk.Media.Video;

/// <summary>What stands a film's frames upright: the display matrix of its container as an EXIF orientation.</summary>
internal static class FrameOrientation
{
    /// <summary>Reads the matrix as ffprobe prints it: three lines "00000000: a b u", "00000001: c d v", "00000002: x y w".</summary>
    /// <remarks>
    /// A stored pixel (p, q) is shown at (a·p + c·q, b·p + d·q). Any angle is taken for the nearest quarter turn. Source: ISO 14496-12, track header; ffmpeg, libavutil/display.h.
    /// </remarks>
    /// <returns>1 to 8; 1 where the text is no matrix.</returns>
    public static int FromMatrix(string text)
    {
        string[] words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        long[] numbers = [.. words.Where(w => !w.EndsWith(':')).Select(w => long.TryParse(w, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : 0)];
        if (numbers.Length < 5)
        {
            return 1;
        }

        (long a, long b, long c, long d) = (numbers[0], numbers[1], numbers[3], numbers[4]);
        return Math.Abs(a) + Math.Abs(d) >= Math.Abs(b) + Math.Abs(c)
            ? (a < 0, d < 0) switch { (false, false) => 1, (true, false) => 2, (true, true) => 3, (false, true) => 4 }
            : (b < 0, c < 0) switch { (false, false) => 5, (false, true) => 6, (true, true) => 7, (true, false) => 8 };
    }
}
