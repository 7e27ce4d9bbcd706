// What the position map needs of one avatar: joint matrices of this frame and where its vertices are. A joint matrix is
// 3×4 and row-major in memory, so WGSL sees its rows as the columns of a mat3x4f: posed = vec4f(position, 1) * matrix.
struct AvatarParams {
    drivingFromCanonical: array<mat3x4f, 5>, // jaw and eyes only: what the driver network sees
    firstVertex: u32, // of this avatar in `expressed`
}
