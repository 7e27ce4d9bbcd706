// positionMap: what the driver network sees of the expression (paper: P_driving). Head positions with jaw and eyes posed, sampled per texel
// and normalised by the head model's constants. Channel-major [3,P,P]; texels without a face keep what they hold (the pass clears them to 0).
// Reads positionTexels, driving (from poseVertices). Writes positions. Grid: one thread per valid texel, 64 per workgroup.
// Cost: 68 bytes read, 12 written. Reference: src/runtime/reference/positionMap.ts
#import "shared/avatarParams.wgsl"
#import "shared/texel.wgsl"

@group(0) @binding(0) var<uniform> avatar: AvatarParams;
@group(1) @binding(0) var<storage, read> positionTexels: array<Texel>;
@group(1) @binding(1) var<storage, read> driving: array<vec4f>;
@group(2) @binding(0) var<storage, read_write> positions: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= avatar.positionCount) {
        return;
    }
    let t = positionTexels[id.x];
    let v = texelVertices(t);
    let b = texelBary(t);
    let position = b.x * driving[v.x].xyz + b.y * driving[v.y].xyz + b.z * driving[v.z].xyz;
    let normalised = (position - avatar.positionMapCenter) / avatar.positionMapScale;
    positions[t.texel] = normalised.x;
    positions[avatar.positionMapTexelCount + t.texel] = normalised.y;
    positions[2u * avatar.positionMapTexelCount + t.texel] = normalised.z;
}
