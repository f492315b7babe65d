namespace M2UGen.Sdk.Runtime;

/// <summary>A graph that hands on one number, <c>x [1] ── Identity ── y [1]</c>, as the bytes of an ONNX file: enough to see whether a session can be made.</summary>
internal static class SmallestGraph
{
    /// <summary>The file.</summary>
    public static byte[] Bytes =>
    [
        0x08, 8,                                                                                            // ir_version 8
        0x3A, 55,                                                                                           // graph
        0x0A, 16, 0x0A, 1, (byte)'x', 0x12, 1, (byte)'y', 0x22, 8, .. "Identity"u8,                         //   node: input, output, op_type
        0x12, 1, (byte)'g',                                                                                 //   name
        0x5A, 15, 0x0A, 1, (byte)'x', 0x12, 10, 0x0A, 8, 0x08, 1, 0x12, 4, 0x0A, 2, 0x08, 1,                //   input: float [1]
        0x62, 15, 0x0A, 1, (byte)'y', 0x12, 10, 0x0A, 8, 0x08, 1, 0x12, 4, 0x0A, 2, 0x08, 1,                //   output: float [1]
        0x42, 4, 0x0A, 0, 0x10, 17,                                                                         // opset_import 17
    ];
}
