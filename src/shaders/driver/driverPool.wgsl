// driverPool: the largest of each 2x2 texels. Reads source [blocks, 2*height, 2*width] (an odd last row or column is
// dropped). Writes result. Grid: one thread per texel and block of the result, 8x8x1 per workgroup. Cost: 64 bytes
// read, 16 written. driverSources.ts puts in front: alias real. Reference: src/runtime/reference/driver.ts
struct DriverPoolParams {
    width: u32, // of the result
    height: u32,
    sourceWidth: u32,
    sourceHeight: u32,
}

@group(0) @binding(0) var<uniform> params: DriverPoolParams;
@group(1) @binding(0) var<storage, read> source: array<vec4<real>>;
@group(2) @binding(0) var<storage, read_write> result: array<vec4<real>>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let at = (id.z * params.sourceHeight + 2u * id.y) * params.sourceWidth + 2u * id.x;
    let top = max(source[at], source[at + 1u]);
    let bottom = max(source[at + params.sourceWidth], source[at + params.sourceWidth + 1u]);
    result[(id.z * params.height + id.y) * params.width + id.x] = max(top, bottom);
}
