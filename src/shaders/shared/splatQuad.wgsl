// From a splat record to a quad corner, and from a point of the quad to a premultiplied color. No bindings: the stand-alone draw
// (splatDraw.wgsl) and the host engine's material share this text. Needs constants.wgsl and splatRecord.wgsl.
// Falloff exp(-d*d/2), cut at 1/255, as in training. The quad reaches exactly to the cut: k = sqrt(2 ln(255 a)).

struct SplatCorner {
    clip: vec4f,
    offset: vec2f, // from the centre, in standard deviations along the two axes
    color: vec4f, // not premultiplied, alpha = opacity
}

/// Corner 0..5 of the two triangles of a splat's quad.
fn splatCorner(record: SplatRecord, corner: u32) -> SplatCorner {
    let blueAlpha = unpack2x16float(record.colorBAlpha);
    let extent = sqrt(max(2.0 * log(255.0 * blueAlpha.y), 0.0));
    // 0 1 2 and 2 1 3, with bit 0 for the side along the major axis and bit 1 for the side along the minor one
    let bits = select(corner, 6u - corner, corner > 2u) & 3u;
    let side = vec2f(select(-1.0, 1.0, (bits & 1u) != 0u), select(-1.0, 1.0, (bits & 2u) != 0u));
    let offset = side * extent;
    let ndc = record.centerNdc + offset.x * unpack2x16float(record.axisMajor) + offset.y * unpack2x16float(record.axisMinor);
    return SplatCorner(vec4f(ndc, record.depthNdc, 1.0), offset, vec4f(unpack2x16float(record.colorRg), blueAlpha));
}

/// A corner outside every view, for the vertices of splats that are not drawn.
fn hiddenCorner() -> SplatCorner {
    return SplatCorner(vec4f(2.0, 2.0, 2.0, 1.0), vec2f(0.0), vec4f(0.0));
}

/// Premultiplied color at an offset from the centre; all zero below the cut, where the caller should discard.
fn splatColor(offset: vec2f, color: vec4f) -> vec4f {
    let alpha = color.a * exp(-0.5 * dot(offset, offset));
    return select(vec4f(0.0), vec4f(color.rgb * alpha, alpha), alpha >= AlphaCut);
}
