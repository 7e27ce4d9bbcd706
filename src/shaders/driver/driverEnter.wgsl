// driverEnter: an input of the driver network from channel-major floats to blocks of four channels, (input - rest) *
// gain, with space to depth. Reads source [channels, height*block, width*block], rest (same, if hasRest). Writes result
// [blocks, height, width]. Grid: one thread per texel and block of the result, 8x8x1 per workgroup. Cost: 32 bytes
// read, 16 (8 in half precision) written. driverSources.ts puts in front: alias real. Reference:
// src/runtime/reference/driver.ts
struct DriverEnterParams {
    width: u32, // of the result
    height: u32,
    channels: u32, // of the source
    block: u32,
    gain: f32,
    hasRest: u32,
}

@group(0) @binding(0) var<uniform> params: DriverEnterParams;
@group(0) @binding(1) var<storage, read> rest: array<f32>;
@group(1) @binding(0) var<storage, read> source: array<f32>;
@group(2) @binding(0) var<storage, read_write> result: array<vec4<real>>;

fn entered(channel: u32, x: u32, y: u32) -> f32 {
    let area = params.block * params.block;
    let origin = channel / area;
    if (origin >= params.channels) {
        return 0.0;
    }
    let row = y * params.block + (channel % area) / params.block;
    let column = x * params.block + channel % params.block;
    let at = (origin * params.height * params.block + row) * params.width * params.block + column;
    if (params.hasRest == 0u) {
        return source[at] * params.gain;
    }
    return (source[at] - rest[at]) * params.gain;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let channel = 4u * id.z;
    let value = vec4f(
        entered(channel, id.x, id.y),
        entered(channel + 1u, id.x, id.y),
        entered(channel + 2u, id.x, id.y),
        entered(channel + 3u, id.x, id.y),
    );
    result[(id.z * params.height + id.y) * params.width + id.x] = vec4<real>(value);
}
