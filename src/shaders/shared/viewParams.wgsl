// One view of one avatar: a camera or an eye. Posed space is the avatar's own; world, camera and projection are in the two rows and the matrix.
const ViewCompensateOpacity: u32 = 1u; // bits of ViewParams.flags
const ViewCullBackFaces: u32 = 2u;
const ViewLinearOutput: u32 = 4u;

struct ViewParams {
    clipFromPosed: mat4x4f, // projection * view * world, clip z in 0..w
    depthFromPosed: vec4f, // dot with (position, 1) = meters ahead of the camera
    eyePosed: vec4f, // camera position with w = 1, or the direction towards an orthographic camera with w = 0
    viewportPx: vec2f,
    farDepth: f32, // meters ahead of the camera: key 0
    keysPerMeter: f32,
    flags: u32,
    recordCount: u32,
}
