// One avatar in one view. Posed space is the avatar's own; world, camera and projection are in the two rows and the
// matrix. Where its data lie is told as first indices, so that avatars, maps and levels of detail may lie anywhere in
// the shared buffers.
struct ViewSlot {
    clipFromPosed: mat4x4f, // projection * view * world, clip z in 0..w
    posedFromCanonical: array<mat3x4f, 5>, // rows in memory, so that posed = vec4f(position, 1) * matrix
    depthFromPosed: vec4f, // dot with (position, 1) = meters ahead of the camera
    // camera position with w = 1, or the direction towards an orthographic camera with w = 0; all 0 where back faces
    // are kept
    eyePosed: vec4f,
    deltaWeights: vec2f, // of delta map a and b; they sum to at most one
    farDepth: f32, // key 0, in meters ahead of the camera with the gaps between avatars left out
    opacity: f32, // of the whole avatar, 0..1
    gaussianCount: u32,
    firstRecord: u32,
    firstTexel: u32,
    firstVertex: u32,
    firstAttributes: u32,
    firstDeltaA: u32,
    firstDeltaB: u32,
    share: f32, // of what lets light through: below 1 while another level of detail is drawn in the same place
}
