// positionMap: what the driver network sees of the expression (paper: P_driving). Head positions with jaw and eyes
// posed, sampled per texel and normalised by the head model's constants. Channel-major [3,P,P]; texels without a face
// keep what they hold (the pass clears them to 0). Reads positionTexels, expressed (from poseVertices). Writes
// positions. Grid: one thread per valid texel, 64 per workgroup. Cost: 64 bytes read, 12 written. Reference:
// src/runtime/reference/positionMap.ts
#import "shared/avatarParams.wgsl"
#import "shared/headParams.wgsl"
#import "shared/headVertex.wgsl"
#import "shared/texel.wgsl"

@group(0) @binding(0) var<uniform> head: HeadParams;
@group(0) @binding(1) var<uniform> avatar: AvatarParams;
@group(1) @binding(0) var<storage, read> positionTexels: array<Texel>;
@group(1) @binding(1) var<storage, read> expressed: array<HeadVertex>;
@group(2) @binding(0) var<storage, read_write> positions: array<f32>;

fn drivingPosition(vertex: u32) -> vec3f {
    let v = expressed[avatar.firstVertex + vertex];
    let d = avatar.drivingFromCanonical;
    return vec4f(v.position, 1.0) * blendJoints(skinWeights(unpack4x8unorm(v.weights)), d[0], d[1], d[2], d[3], d[4]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= head.positionCount) {
        return;
    }
    let t = positionTexels[id.x];
    let v = texelVertices(t);
    let b = texelBary(t);
    let position = b.x * drivingPosition(v.x) + b.y * drivingPosition(v.y) + b.z * drivingPosition(v.z);
    let normalised = (position - head.positionMapCenter) / head.positionMapScale;
    positions[t.place] = normalised.x;
    positions[head.positionMapTexelCount + t.place] = normalised.y;
    positions[2u * head.positionMapTexelCount + t.place] = normalised.z;
}
