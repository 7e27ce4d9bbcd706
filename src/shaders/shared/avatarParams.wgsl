// What does not depend on a view: joint matrices of this frame, sizes of the maps, weights of the two delta maps.
// A joint matrix is 3×4 and row-major in memory, so WGSL sees its rows as the columns of a mat3x4f: posed = vec4f(position, 1) * matrix.
struct AvatarParams {
    posedFromCanonical: array<mat3x4f, 5>, // all five joints
    drivingFromCanonical: array<mat3x4f, 5>, // jaw and eyes only: what the driver network sees
    positionMapCenter: vec3f, // meters
    positionMapScale: f32, // meters
    deltaWeights: vec2f, // of delta map a and b; they sum to at most one
    vertexCount: u32,
    gaussianCount: u32,
    mapTexelCount: u32, // texels of a static or delta map, valid or not: the stride between channels
    positionCount: u32, // valid texels of the position map
    positionMapTexelCount: u32, // all texels of the position map
}
