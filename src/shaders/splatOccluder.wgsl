// splatOccluder: depth of the shrunk heads of a view, for splatProject to leave out what is behind them. Only what
// looks at the camera counts: what looks away is seen from inside, through the open neck, or is no nearer anyway. Reads
// slots, expressed (from poseVertices), offsets; per instance its slot and person. Writes depth only. Drawn indexed, an
// instance per avatar. Cost: 24 bytes read per vertex. No reference: what it hides must not be missed, so its test
// compares pictures with and without it.
#import "shared/attributes.wgsl"
#import "shared/headVertex.wgsl"
#import "shared/occluder.wgsl"
#import "shared/viewParams.wgsl"
#import "shared/viewSlot.wgsl"

@group(0) @binding(0) var<uniform> view: ViewParams;
@group(0) @binding(1) var<storage, read> slots: array<ViewSlot>;
@group(0) @binding(2) var<storage, read> expressed: array<HeadVertex>;
@group(0) @binding(3) var<storage, read> offsets: array<OccluderOffset>;

struct Varyings {
    @builtin(position) place: vec4f,
    @location(0) clipZw: vec2f,
    @location(1) @interpolate(flat) mirrored: u32,
}

@vertex
fn vertexMain(
    @builtin(vertex_index) vertex: u32,
    @location(0) slot: u32,
    @location(1) firstOffset: u32,
    @location(2) mirrored: u32,
) -> Varyings {
    let v = expressed[slots[slot].firstVertex + vertex];
    let o = offsets[firstOffset + vertex];
    let inwards = OffsetReach * vec3f(unpack2x16snorm(o.xy), unpack2x16snorm(o.z).x);
    let joints = slots[slot].posedFromCanonical;
    let w = skinWeights(unpack4x8unorm(v.weights));
    let posedFromCanonical = blendJoints(w, joints[0], joints[1], joints[2], joints[3], joints[4]);
    let posed = vec4f(vec4f(v.position + inwards, 1.0) * posedFromCanonical, 1.0);
    let clip = slots[slot].clipFromPosed * posed;
    let z = occluderZ(view.occluderFromDepth, dot(slots[slot].depthFromPosed, posed));
    return Varyings(vec4f(clip.xy, z, clip.w), clip.zw, mirrored);
}

@fragment
fn fragmentMain(in: Varyings, @builtin(front_facing) isFront: bool) {
    if (isFront == (in.mirrored != 0u) || in.clipZw.x < 0.0 || in.clipZw.x > in.clipZw.y) {
        discard; // or cut off by the camera's own planes
    }
}
