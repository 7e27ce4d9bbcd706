// splatCloseUp: what each drawn splat reads of the atlas of detail. From the edges of the posed face under a Gaussian
// follows how the screen moves with the place in the atlas; its inverse, times the splat's axes, is how the place moves
// with the offset from the centre. Reads slots, texels, expressed, frames, wanted, records and keys (from
// splatProject). Writes closeUps, which are cleared before. Grid: one thread per Gaussian and avatar (x, y), 64 × 1 per
// workgroup; runs only where an avatar is near enough. Cost: 64 bytes read, 48 of vertices that the cache holds; 16
// written. Reference: src/runtime/reference/closeUp.ts
#import "shared/constants.wgsl"
#import "shared/real.wgsl"
#import "shared/viewParams.wgsl"
#import "shared/viewSlot.wgsl"
#import "shared/headVertex.wgsl"
#import "shared/texel.wgsl"
#import "shared/posedFace.wgsl"
#import "shared/splatRecord.wgsl"
#import "shared/splatQuad.wgsl"
#import "shared/closeUp.wgsl"

@group(0) @binding(0) var<uniform> view: ViewParams;
@group(1) @binding(0) var<storage, read> slots: array<ViewSlot>;
@group(1) @binding(1) var<storage, read> texels: array<Texel>;
@group(1) @binding(2) var<storage, read> expressed: array<HeadVertex>;
@group(1) @binding(3) var<storage, read> frames: array<AtlasFrame>;
@group(1) @binding(4) var<storage, read> wanted: array<CloseUpSlot>;
@group(1) @binding(5) var<storage, read> records: array<SplatRecord>;
@group(1) @binding(6) var<storage, read> keys: array<u32>;
@group(2) @binding(0) var<storage, read_write> closeUps: array<CloseUpRecord>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let slot = id.y;
    let gaussian = id.x;
    let strength = wanted[slot].strength;
    if (gaussian >= slots[slot].gaussianCount || strength <= 0.0) {
        return;
    }
    let index = slots[slot].firstRecord + gaussian;
    let packed = frames[gaussian];
    let frame = vec4f(unpack2x16float(packed.frame01), unpack2x16float(packed.frame23));
    if (keys[index] == CulledKey || all(frame == vec4f(0.0))) {
        return;
    }
    let face = posedFace(slot, texels[slots[slot].firstTexel + gaussian]);
    let posedFromCanonical = face.posedFromCanonical;
    let e1 = face.v1 - face.v0;
    let e2 = face.v2 - face.v0;
    let alongX = vec4f(frame.x * e1 + frame.z * e2, 0.0) * posedFromCanonical;
    let alongY = vec4f(frame.y * e1 + frame.w * e2, 0.0) * posedFromCanonical;

    // Clip w from the depth: both are linear in the posed place, with gradients that are parallel (or, for an
    // orthographic camera, w is constant).
    let clipFromPosed = slots[slot].clipFromPosed;
    let clipX = vec3f(clipFromPosed[0].x, clipFromPosed[1].x, clipFromPosed[2].x);
    let clipY = vec3f(clipFromPosed[0].y, clipFromPosed[1].y, clipFromPosed[2].y);
    let clipW = vec3f(clipFromPosed[0].w, clipFromPosed[1].w, clipFromPosed[2].w);
    let depthFromPosed = slots[slot].depthFromPosed;
    let record = records[index];
    let perDepth = dot(clipW, depthFromPosed.xyz) / dot(depthFromPosed.xyz, depthFromPosed.xyz);
    let clipWHere = perDepth * (record.viewDepth - depthFromPosed.w) + clipFromPosed[3].w;
    let pxPerNdc = 0.5 * view.viewportPx;
    let jacobianX = (pxPerNdc.x / clipWHere) * (clipX - record.centerNdc.x * clipW);
    let jacobianY = (pxPerNdc.y / clipWHere) * (clipY - record.centerNdc.y * clipW);
    // Pixels per atlas, row by row. Singular values by sum and difference parts.
    let px = vec4f(dot(jacobianX, alongX), dot(jacobianX, alongY), dot(jacobianY, alongX), dot(jacobianY, alongY));
    let sum = length(vec2f(px.x + px.w, px.y - px.z));
    let difference = length(vec2f(px.x - px.w, px.y + px.z));
    let longest = 0.5 * (sum + difference);
    let shortest = 0.5 * abs(sum - difference);
    let facing = saturate((EdgeOnMost * shortest - longest) / ((EdgeOnMost - EdgeOnLeast) * shortest));
    if (!(facing > 0.0)) {
        return;
    }
    let inverse = vec4f(px.w, -px.y, -px.z, px.x) / (px.x * px.w - px.y * px.z);
    let major = OffsetSigmas * pxPerNdc * unpack2x16float(record.axisMajor);
    let minor = OffsetSigmas * pxPerNdc * unpack2x16float(record.axisMinor);
    let level = clamp(log2(wanted[slot].edge / shortest), 0.0, CloseUpLevels - 1.0);
    closeUps[index] = CloseUpRecord(
        packed.place,
        pack2x16float(vec2f(dot(inverse.xy, major), dot(inverse.xy, minor))),
        pack2x16float(vec2f(dot(inverse.zw, major), dot(inverse.zw, minor))),
        pack4x8unorm(vec4f(level / (CloseUpLevels - 1.0), strength * facing, 0.0, 0.0)) | (wanted[slot].layer << 16u),
    );
}
