// splatDraw: draw the sorted splats back to front as vertex-pulled triangles, premultiplied (blend one, one minus
// source alpha). Reads records, order, drawArgs. Three vertices per splat in one instance: a triangle list of this kind
// is 5 to 12 times faster on a software adapter than one instance per splat. Drawn by drawIndirect(drawArgs); a host
// that draws a fixed count gets hidden corners for the rest. Cost: 36 bytes read per vertex. Reference:
// src/runtime/reference/rasterize.ts
#import "shared/constants.wgsl"
#import "shared/real.wgsl"
#import "shared/splatRecord.wgsl"
#import "shared/drawArgs.wgsl"
#import "shared/splatQuad.wgsl"

@group(0) @binding(0) var<storage, read> records: array<SplatRecord>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> drawArgs: DrawArgs;

struct Varyings {
    @builtin(position) clip: vec4f,
    @location(0) @interpolate(linear) offset: vec2<real>, // clip w is 1: nothing to correct for perspective
    @location(1) @interpolate(flat) color: vec4<real>,
}

@vertex
fn vertexMain(@builtin(vertex_index) index: u32) -> Varyings {
    let splat = index / 3u;
    var corner = hiddenCorner();
    if (splat < drawArgs.visibleCount) {
        corner = splatCorner(records[order[splat]], index % 3u);
    }
    return Varyings(corner.clip, corner.offset, corner.color);
}

@fragment
fn fragmentMain(in: Varyings) -> @location(0) vec4f {
    let color = splatColor(in.offset, in.color);
    if (color.a == 0.0) {
        discard;
    }
    return vec4f(color);
}
