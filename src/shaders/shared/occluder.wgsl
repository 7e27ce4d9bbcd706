// The occluder's depth, made so that it grows towards the camera and is exact between the corners of a triangle. 0
// where there is none.
struct OccluderOffset {
    xy: u32, // snorm16, units of OffsetReach
    z: u32,
}

/// Seen from a perspective camera 1 / meters ahead, else linear: `fromDepth` tells which. Clip z, to be divided by clip
/// w.
fn occluderZ(fromDepth: vec2f, depth: f32) -> f32 {
    return fromDepth.x * depth + fromDepth.y;
}
