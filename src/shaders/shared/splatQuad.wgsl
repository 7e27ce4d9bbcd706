// From a splat record to a corner of the shape that is drawn, and from a point of it to a premultiplied color. No
// bindings: the stand-alone draw (splatDraw.wgsl) and the host engine's materials share this text. Needs
// constants.wgsl, real….wgsl and splatRecord.wgsl. Falloff exp(-d*d/2) = 2^-(offset*offset), cut at 1/255, as in
// training. The shape is one triangle around the ellipse where alpha reaches the cut: 1.3 times the pixels of a quad,
// but on a software adapter, where a head's splats are a few pixels wide, 0.75 times its time.

/// Standard deviations in a unit of offset, at which alpha has fallen to a half: sqrt(2 ln 2).
const OffsetSigmas: f32 = 1.17741002;

struct SplatCorner {
    clip: vec4f,
    offset: vec2<real>, // from the centre along the two axes, in units of OffsetSigmas standard deviations
    color: vec4<real>, // not premultiplied, alpha = opacity, negative in a shell
}

/// The alpha down to which a splat is drawn.
fn faintest(opacity: real) -> f32 {
    return select(AlphaCut, max(AlphaCut, ShellCut * f32(-opacity)), opacity < real(0.0));
}

/// Corner 0..2 of a splat's triangle, which is equilateral where the ellipse is a circle.
fn splatCorner(record: SplatRecord, corner: u32) -> SplatCorner {
    let blueAlpha = unpackReals(record.colorBAlpha);
    let extent = sqrt(max(log2(f32(abs(blueAlpha.y)) / faintest(blueAlpha.y)), 0.0));
    let direction = vec2f(1.7320508 * (f32(corner & 1u) - f32(corner >> 1u)), select(-1.0, 2.0, corner == 0u));
    let offset = extent * direction;
    let sigmas = OffsetSigmas * offset;
    let ndc = record.centerNdc + sigmas.x * unpack2x16float(record.axisMajor)
        + sigmas.y * unpack2x16float(record.axisMinor);
    let color = vec4<real>(unpackReals(record.colorRg), blueAlpha);
    return SplatCorner(vec4f(ndc, record.depthNdc, 1.0), vec2<real>(offset), color);
}

/// A corner outside every view, for the vertices of splats that are not drawn.
fn hiddenCorner() -> SplatCorner {
    return SplatCorner(vec4f(2.0, 2.0, 2.0, 1.0), vec2<real>(), vec4<real>());
}

/// Premultiplied color at an offset from the centre; all zero below the cut, where the caller should discard.
fn splatColor(offset: vec2<real>, color: vec4<real>) -> vec4<real> {
    let alpha = abs(color.a) * exp2(-dot(offset, offset));
    return vec4<real>(color.rgb, 1.0) * select(0.0, alpha, alpha >= real(faintest(color.a)));
}
