// poseVertices: the faces of this frame. Expression directions and pose correctives on the template, for all avatars
// that changed. Joints are applied where vertices are used: there they cost a few multiplications, and here they would cost 32 bytes per
// vertex. Reads vertices, expressionStart, expressionEntries (sparse, sorted by vertex), coefficients, changed. Writes
// expressed. Grid: one thread per vertex and changed avatar (x, y), 64 × 1 per workgroup. Cost: 20 bytes + 8 per entry
// read, 16 written. Reference: src/runtime/reference/poseVertices.ts
#import "shared/headParams.wgsl"
#import "shared/headVertex.wgsl"

@group(0) @binding(0) var<uniform> head: HeadParams;
@group(1) @binding(0) var<storage, read> vertices: array<HeadVertex>;
@group(1) @binding(1) var<storage, read> expressionStart: array<u32>;
// direction in the low 16 bits of x, signed 16-bit x in the high ones; signed 16-bit y and z in the two halves of y
@group(1) @binding(2) var<storage, read> expressionEntries: array<vec2u>;
@group(1) @binding(3) var<storage, read> coefficients: array<f32>; // [slots, directions] meters per unit of an entry
@group(1) @binding(4) var<storage, read> changed: array<u32>; // slots
@group(2) @binding(0) var<storage, read_write> expressed: array<HeadVertex>; // [slots, vertices]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let vertex = id.x;
    if (vertex >= head.vertexCount) {
        return;
    }
    let slot = changed[id.y];
    let rest = vertices[vertex];
    var offset = vec3f(0.0);
    let end = expressionStart[vertex + 1u];
    for (var i = expressionStart[vertex]; i < end; i++) {
        let entry = expressionEntries[i];
        let yz = vec2i(bitcast<i32>(entry.y << 16u), bitcast<i32>(entry.y)) >> vec2u(16u);
        let delta = vec3i(bitcast<i32>(entry.x) >> 16u, yz);
        offset += coefficients[slot * head.expressionCount + (entry.x & 0xffffu)] * vec3f(delta);
    }
    expressed[slot * head.vertexCount + vertex] = HeadVertex(rest.position + offset, rest.weights);
}
