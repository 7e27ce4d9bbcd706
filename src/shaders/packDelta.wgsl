// packDelta: what the driver changes, from planar f32 to 20 bytes per dynamic Gaussian in Gaussian order. What the
// driver may not change is dropped. Reads map, mapTexels (those of dynamic Gaussians). Writes deltas. Grid: one thread
// per dynamic Gaussian, 64 per workgroup. Cost: 60 bytes read, 20 written, once per driver run. Reference:
// src/runtime/reference/packMaps.ts
#import "shared/attributes.wgsl"
#import "shared/mapSource.wgsl"

@group(2) @binding(0) var<storage, read_write> deltas: array<PackedDelta>;

fn packThree(value: vec3f) -> u32 {
    let steps = vec3u(vec3i(round(clamp(value, vec3f(-1.0), vec3f(1.0)) * DeltaBits))) & vec3u(0x3ffu);
    return steps.x | (steps.y << 10u) | (steps.z << 20u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.count) {
        return;
    }
    let texel = mapTexels[id.x];
    let offset = channels(0u, texel) / DeltaOffsetReach;
    let color = channels(4u, texel);
    let scale = channels(7u, texel) / DeltaLogScaleReach;
    let rotation = vec4f(channels(10u, texel), channel(13u, texel));
    let opacity = opacityLogit(texel);
    let z = pack2x16snorm(vec2f(offset.z, 0.0));
    deltas[params.first + id.x] = PackedDelta(
        pack2x16snorm(offset.xy),
        z | pack2x16float(vec2f(0.0, opacity)),
        packThree(color),
        packThree(scale),
        pack4x8snorm(rotation),
    );
}
