// poseVertices: the head of this frame. Expression directions on the template, then linear blend skinning.
// Reads vertices, expressionStart, expressionEntries (sparse, sorted by vertex), coefficients. Writes expressed (no joints, with weights),
// posed (all joints), driving (jaw and eyes only).
// Grid: one thread per vertex, 64 per workgroup. Cost: 20 bytes + 8 per entry read, 48 written. Reference: src/runtime/reference/poseVertices.ts
#import "shared/avatarParams.wgsl"
#import "shared/headVertex.wgsl"

// expression in the low 16 bits of x, signed 16-bit x in the high ones; signed 16-bit y and z in the two halves of y
@group(0) @binding(0) var<uniform> avatar: AvatarParams;
@group(1) @binding(0) var<storage, read> vertices: array<HeadVertex>;
@group(1) @binding(1) var<storage, read> expressionStart: array<u32>;
@group(1) @binding(2) var<storage, read> expressionEntries: array<vec2u>;
@group(1) @binding(3) var<storage, read> coefficients: array<f32>; // meters per unit of an entry
@group(2) @binding(0) var<storage, read_write> expressed: array<HeadVertex>;
@group(2) @binding(1) var<storage, read_write> posed: array<vec4f>;
@group(2) @binding(2) var<storage, read_write> driving: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let vertex = id.x;
    if (vertex >= avatar.vertexCount) {
        return;
    }
    let rest = vertices[vertex];
    var offset = vec3f(0.0);
    let end = expressionStart[vertex + 1u];
    for (var i = expressionStart[vertex]; i < end; i++) {
        let entry = expressionEntries[i];
        let delta = vec3i(bitcast<i32>(entry.x) >> 16u, bitcast<i32>(entry.y << 16u) >> 16u, bitcast<i32>(entry.y) >> 16u);
        offset += coefficients[entry.x & 0xffffu] * vec3f(delta);
    }
    let position = rest.position + offset;
    expressed[vertex] = HeadVertex(position, rest.weights);

    let w = skinWeights(unpack4x8unorm(rest.weights));
    let p = vec4f(position, 1.0);
    let m = avatar.posedFromCanonical;
    let d = avatar.drivingFromCanonical;
    posed[vertex] = vec4f(p * blendJoints(w, m[0], m[1], m[2], m[3], m[4]), 1.0);
    driving[vertex] = vec4f(p * blendJoints(w, d[0], d[1], d[2], d[3], d[4]), 1.0);
}
