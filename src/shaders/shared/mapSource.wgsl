// A network's map as it comes: [14,H,W] f32, planar. Read as bits, so that a number that is none is seen whatever a
// compiler assumes of floats.
struct PackParams {
    first: u32, // first record to write
    count: u32, // entries of mapTexels
    mapTexelCount: u32, // H·W
}

const HalfLargest: f32 = 65504.0;
const NeverVisible: f32 = -60000.0; // logit

@group(0) @binding(0) var<uniform> params: PackParams;
@group(1) @binding(0) var<storage, read> map: array<u32>;
@group(1) @binding(1) var<storage, read> mapTexels: array<u32>; // texel of each record

var<private> isBroken: bool = false;

/// One channel, within what f16 holds. Anything but a finite number gives 0 and sets isBroken.
fn channel(index: u32, texel: u32) -> f32 {
    let bits = map[index * params.mapTexelCount + texel];
    if ((bits & 0x7f800000u) == 0x7f800000u) {
        isBroken = true;
        return 0.0;
    }
    return clamp(bitcast<f32>(bits), -HalfLargest, HalfLargest);
}

fn channels(first: u32, texel: u32) -> vec3f {
    return vec3f(channel(first, texel), channel(first + 1u, texel), channel(first + 2u, texel));
}

fn opacityLogit(texel: u32) -> f32 {
    let logit = channel(3u, texel);
    return select(logit, NeverVisible, isBroken); // call it last
}
