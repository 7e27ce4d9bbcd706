// Detail for close-ups: a splat adds to its color what it reads of an atlas of shades, at each fragment's own place. No
// bindings: the kernel that writes the records and the host engine's material share this text. Needs splatQuad.wgsl.

const ShadeReach: f32 = 0.25; // color of the atlas's largest shade
const CloseUpLevels: f32 = 4.0; // mip levels
const EdgeOnLeast: f32 = 3.0; // times that a texel may be longer than wide on the screen: full detail
const EdgeOnMost: f32 = 4.0; // none

/// The 16-byte close-up record: beside the splat record of the same index.
struct CloseUpRecord {
    place: u32, // unorm16 x right, y down: of the centre in the atlas
    slopeX: u32, // f16 d place.x / d offset.x, d offset.y
    slopeY: u32, // f16 d place.y / d offset.x, d offset.y
    reads: u32, // unorm8 level in parts of the last, unorm8 strength; layer of the atlas in the high half
}

/// How an avatar of a view is drawn in close-ups. 128 bytes, so that every other one may be bound from.
struct CloseUpSlot {
    strength: f32, // 0 draws it without
    layer: u32, // of the atlas
    edge: f32, // texels per side of the atlas
    reserved: array<vec4f, 7>,
}

/// Per Gaussian: where it lies in the atlas, and how the skin moves with the place (flame/atlasFrames.ts). All 0
/// without detail.
struct AtlasFrame {
    place: u32, // unorm16 x right, y down
    frame01: u32, // f16
    frame23: u32, // f16
}

struct CloseUp {
    place: vec2f,
    slope: vec4f, // rows
    level: f32,
    strength: f32,
    layer: u32,
}

fn unpackCloseUp(record: CloseUpRecord) -> CloseUp {
    let reads = unpack4x8unorm(record.reads);
    return CloseUp(
        unpack2x16unorm(record.place),
        vec4f(unpack2x16float(record.slopeX), unpack2x16float(record.slopeY)),
        reads.x * (CloseUpLevels - 1.0),
        reads.y,
        record.reads >> 16u,
    );
}
