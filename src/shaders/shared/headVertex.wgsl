// A head vertex and its skin weights. The five weights sum to 255, so only neck, jaw, eyeL and eyeR are stored (one
// byte each).
struct HeadVertex {
    position: vec3f, // canonical, meters
    weights: u32,
}

/// Weights of global, then of the four stored joints, each 0..1 and summing to one.
struct SkinWeights {
    root: f32,
    joints: vec4f, // neck, jaw, eyeL, eyeR
}

fn skinWeights(joints: vec4f) -> SkinWeights {
    return SkinWeights(1.0 - dot(joints, vec4f(1.0)), joints);
}

/// Linear blend skinning: the weighted sum of the joint matrices.
fn blendJoints(w: SkinWeights, root: mat3x4f, neck: mat3x4f, jaw: mat3x4f, eyeL: mat3x4f, eyeR: mat3x4f) -> mat3x4f {
    return w.root * root + w.joints.x * neck + w.joints.y * jaw + w.joints.z * eyeL + w.joints.w * eyeR;
}
