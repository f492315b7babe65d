namespace M2UGen.Sdk.Media.Audio;

/// <summary>Tells formats apart by their first bytes: WAV from all others, and the others by name for messages.</summary>
internal static class AudioSignature
{
    /// <summary>How many bytes suffice.</summary>
    public const int HeadBytes = 12;

    /// <summary>Whether our own reader takes the file. It also takes what is too short to be anything, to say so.</summary>
    public static bool IsWav(ReadOnlySpan<byte> head) =>
        head.Length < HeadBytes || ((head.StartsWith("RIFF"u8) || head.StartsWith("RF64"u8) || head.StartsWith("BW64"u8)) && head[8..].StartsWith("WAVE"u8));

    /// <summary>The name of a format other than WAV, or null.</summary>
    public static string? Name(ReadOnlySpan<byte> head) => head switch
    {
        _ when head.StartsWith("fLaC"u8) => "a FLAC file",
        _ when head.StartsWith("OggS"u8) => "an Ogg file (Vorbis or Opus)",
        _ when head.StartsWith("ID3"u8) || IsMpegFrame(head) => "an MP3 file",
        _ when head.StartsWith("FORM"u8) => "an AIFF file",
        _ when head.StartsWith("RIFX"u8) => "a big-endian RIFX file",
        _ when head.StartsWith("riff"u8) => "a Wave64 file",
        _ when head.StartsWith("caff"u8) => "a Core Audio file",
        _ when head.StartsWith("wvpk"u8) => "a WavPack file",
        _ when head.Length >= 8 && head[4..].StartsWith("ftyp"u8) => "an MP4 or M4A file",
        _ when head.StartsWith((ReadOnlySpan<byte>)[0x1A, 0x45, 0xDF, 0xA3]) => "a Matroska or WebM file",
        _ when head.Length >= 12 && head.StartsWith("RIFF"u8) && head[8..].StartsWith("AVI "u8) => "an AVI file",
        _ => null,
    };

    private static bool IsMpegFrame(ReadOnlySpan<byte> head) => head.Length >= 4 && head[0] == 0xFF && (head[1] & 0xE6) == 0xE2 && (head[2] & 0xF0) != 0xF0;
}
