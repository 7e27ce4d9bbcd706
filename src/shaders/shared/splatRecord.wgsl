// The 32-byte splat record: one Gaussian projected for one view, everything the draw needs.
// Axes are one standard deviation long and in NDC, so that the draw needs no viewport; f16 keeps 11 bits of them.
struct SplatRecord {
    centerNdc: vec2f, // x right, y up
    depthNdc: f32, // clip z / w, for the depth test
    viewDepth: f32, // meters ahead of the camera
    axisMajor: u32, // f16 x, y in NDC
    axisMinor: u32, // f16 x, y in NDC
    colorRg: u32, // f16 red, green; not premultiplied
    colorBAlpha: u32, // f16 blue, opacity; negative in a shell
}
