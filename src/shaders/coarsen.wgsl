// coarsen: the coarse levels of detail of a person, as means of its Gaussians. Weights are opacities, so what cannot be
// seen does not color what can. Offsets are such that a coarse Gaussian is in the middle of its group although it is
// skinned as the group's anchor. Reads texels, vertices, groups, attributes of the finest level. Writes attributes of
// the others. Grid: one thread per group, 64 per workgroup. Cost: 92 bytes read per Gaussian and level, 28 written per
// group, once per static map. Reference: src/runtime/reference/coarsen.ts
#import "shared/attributes.wgsl"
#import "shared/covariance.wgsl"
#import "shared/headVertex.wgsl"
#import "shared/levels.wgsl"
#import "shared/texel.wgsl"

@group(0) @binding(0) var<uniform> params: CoarsenParams;
@group(1) @binding(0) var<storage, read> texels: array<Texel>;
@group(1) @binding(1) var<storage, read> vertices: array<HeadVertex>;
@group(1) @binding(2) var<storage, read> groups: array<LevelGroup>;
@group(2) @binding(0) var<storage, read_write> attributes: array<PackedAttributes>;

const KeptSpread: f32 = 0.75; // 1 keeps how much they overlap; less is sharper, and leaves no gaps yet
const LeastWeight: f32 = 1e-4;
const LargestOpacity: f32 = 0.99999; // of a mean: its logit is finite

/// On the head at rest.
fn placeOf(gaussian: u32) -> vec3f {
    let t = texels[gaussian];
    let v = texelVertices(t);
    let b = texelBary(t);
    return b.x * vertices[v.x].position + b.y * vertices[v.y].position + b.z * vertices[v.z].position;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.groupCount) {
        return;
    }
    let group = groups[id.x];
    let anchorPlace = placeOf(group.anchor);
    let anchorQuaternion = unpackAttributes(attributes[params.first + group.anchor]).quaternion;
    var sum = Attributes(vec3f(0.0), 0.0, vec3f(0.0), vec3f(0.0), vec4f(0.0));
    var weights = 0.0;
    for (var mask = group.mask; mask != 0u; mask &= mask - 1u) {
        let gaussian = group.first + firstTrailingBit(mask);
        let a = unpackAttributes(attributes[params.first + gaussian]);
        let opacity = 1.0 / (1.0 + exp(-a.opacity));
        let weight = opacity + LeastWeight;
        weights += weight;
        sum.offset += weight * (a.offset + placeOf(gaussian) - anchorPlace);
        sum.opacity += opacity;
        sum.color += weight * a.color;
        sum.logScale += weight * a.logScale;
        sum.quaternion += select(-weight, weight, dot(a.quaternion, anchorQuaternion) >= 0.0) * a.quaternion;
    }
    let count = f32(countOneBits(group.mask));
    let opacity = clamp(sum.opacity / count, 1.0 - LargestOpacity, LargestOpacity);
    let offset = sum.offset / weights;
    let quaternion = sum.quaternion / weights;
    let size = length(quaternion);
    let axes = rotationOf(select(vec4f(0.0, 0.0, 0.0, 1.0), quaternion / size, size > 1e-12));

    // How far apart its Gaussians are, along its axes.
    var variance = vec3f(0.0);
    for (var mask = group.mask; mask != 0u; mask &= mask - 1u) {
        let gaussian = group.first + firstTrailingBit(mask);
        let a = unpackAttributes(attributes[params.first + gaussian]);
        let fromMiddle = (a.offset + placeOf(gaussian) - anchorPlace - offset) * axes;
        variance += (1.0 / (1.0 + exp(-a.opacity)) + LeastWeight) / weights * fromMiddle * fromMiddle;
    }
    // As wide for their distance as its Gaussians are for theirs, along the axes in which they are spread; no thicker
    // than they are.
    let scale = exp(sum.logScale / weights);
    let growth = select(0.0, max(3.0, count - 1.0), count > 1.0);
    let spread = KeptSpread * growth * dot(variance, scale * scale) / max(dot(variance, variance), 1e-30);
    let logScale = 0.5 * log(scale * scale + spread * variance);
    attributes[params.first + params.fineCount + id.x] =
        packAttributes(Attributes(offset, log(opacity / (1.0 - opacity)), sum.color / weights, logScale, quaternion));
}
