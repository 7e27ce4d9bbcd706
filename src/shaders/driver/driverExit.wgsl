// driverExit: the driver network's result as a delta map: depth to space (channel, row, column), times unit, enlarged
// with linear interpolation. Reads source [channels*block*block / 4, height, width] of vec4, unit. Writes result
// [channels, height*block*scale, width*block*scale]. Grid: one thread per texel of the result, 8x8 per workgroup. Cost:
// 56 bytes written; four texels read per channel, mostly from the cache. driverSources.ts puts in front: alias real.
// Reference: src/runtime/reference/driver.ts
struct DriverExitParams {
    width: u32, // of the source
    height: u32,
    channels: u32,
    block: u32,
    scale: u32,
}

@group(0) @binding(0) var<uniform> params: DriverExitParams;
@group(0) @binding(1) var<storage, read> unit: array<f32>;
@group(1) @binding(0) var<storage, read> source: array<vec4<real>>;
@group(2) @binding(0) var<storage, read_write> result: array<f32>;

// Value of a channel at a place in the map before it is enlarged.
fn spaceFromDepth(channel: u32, place: vec2u) -> f32 {
    let inside = place % params.block;
    let origin = place / params.block;
    let k = (channel * params.block + inside.y) * params.block + inside.x;
    return f32(source[((k >> 2u) * params.height + origin.y) * params.width + origin.x][k & 3u]);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let size = vec2u(params.width, params.height) * params.block;
    let resultSize = size * params.scale;
    if (any(id.xy >= resultSize)) {
        return;
    }
    let at = clamp((vec2f(id.xy) + 0.5) / f32(params.scale) - 0.5, vec2f(), vec2f(size - 1u));
    let low = vec2u(at);
    let high = min(low + 1u, size - 1u);
    let share = at - vec2f(low);
    for (var channel = 0u; channel < params.channels; channel++) {
        let top = mix(spaceFromDepth(channel, low), spaceFromDepth(channel, vec2u(high.x, low.y)), share.x);
        let bottom = mix(spaceFromDepth(channel, vec2u(low.x, high.y)), spaceFromDepth(channel, high), share.x);
        result[(channel * resultSize.y + id.y) * resultSize.x + id.x] = mix(top, bottom, share.y) * unit[channel];
    }
}
