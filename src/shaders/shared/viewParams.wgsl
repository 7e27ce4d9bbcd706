// One view: a camera or an eye. What differs by avatar is in its ViewSlot.
const ViewCompensateOpacity: u32 = 1u; // bits of ViewParams.flags
const ViewHasOccluders: u32 = 2u;
const ViewKeepOffScreen: u32 = 4u;

struct ViewParams {
    viewportPx: vec2f,
    keysPerMeter: f32,
    flags: u32,
    occluderFromDepth: vec2f, // slope and start of the occluders' clip z
}
