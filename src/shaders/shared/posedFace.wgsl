// The face under a Gaussian in one avatar's expression, and how its place moves with the joints. For kernels that bind
// `slots` and `expressed`; needs viewSlot.wgsl, headVertex.wgsl and texel.wgsl.
struct PosedFace {
    v0: vec3f, // corners, canonical, meters
    v1: vec3f,
    v2: vec3f,
    bary: vec3f,
    posedFromCanonical: mat3x4f, // of the place, rows in memory
}

fn posedFace(slot: u32, t: Texel) -> PosedFace {
    let v = texelVertices(t);
    let b = texelBary(t);
    let firstVertex = slots[slot].firstVertex;
    let v0 = expressed[firstVertex + v.x];
    let v1 = expressed[firstVertex + v.y];
    let v2 = expressed[firstVertex + v.z];
    let w = skinWeights(
        b.x * unpack4x8unorm(v0.weights) + b.y * unpack4x8unorm(v1.weights) + b.z * unpack4x8unorm(v2.weights),
    );
    let joints = slots[slot].posedFromCanonical;
    let blend = blendJoints(w, joints[0], joints[1], joints[2], joints[3], joints[4]);
    return PosedFace(v0.position, v1.position, v2.position, b, blend);
}
