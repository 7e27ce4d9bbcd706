// packStatic: the static map of a person, from planar f32 to 28 bytes per Gaussian in Gaussian order. Reads map,
// mapTexels. Writes attributes. Grid: one thread per Gaussian, 64 per workgroup. Cost: 60 bytes read, 28 written, once
// per avatar. Reference: src/runtime/reference/packMaps.ts
#import "shared/attributes.wgsl"
#import "shared/mapSource.wgsl"

@group(2) @binding(0) var<storage, read_write> attributes: array<PackedAttributes>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.count) {
        return;
    }
    let texel = mapTexels[id.x];
    let offset = channels(0u, texel);
    let color = channels(4u, texel);
    let logScale = channels(7u, texel);
    let quaternion = vec4f(channels(10u, texel), channel(13u, texel));
    let a = Attributes(offset, opacityLogit(texel), vec3<real>(color), logScale, quaternion);
    attributes[params.first + id.x] = packAttributes(a);
}
