// Attributes of a Gaussian before activation, as avatars hold them: 28 bytes at rest and 20 bytes of change by the
// driver, contiguous per Gaussian and in Gaussian order, so that neighbours in a workgroup read neighbouring bytes.
// Pairs are first in the low half, f16 unless said otherwise. Reference: src/runtime/reference/packMaps.ts
#import "shared/real.wgsl"

const OffsetReach: f32 = 0.5; // meters: snorm16 of an offset at rest has steps of 15 µm
const DeltaOffsetReach: f32 = 0.125; // meters: steps of 4 µm
const LogScaleMiddle: f32 = -6.0; // ln m, taken off before f16, which is finest around 0
const DeltaLogScaleReach: f32 = 4.0; // ln m: 10 bits have steps of 0.8 %
const DeltaBits: f32 = 511.0; // steps of a 10-bit number between 0 and 1

struct PackedAttributes {
    offsetXy: u32, // snorm16, units of OffsetReach
    offsetZOpacity: u32, // snorm16; logit
    colorRg: u32,
    colorBScaleX: u32,
    scaleYz: u32,
    rotationXy: u32,
    rotationZw: u32,
}

struct PackedDelta {
    offsetXy: u32, // snorm16, units of DeltaOffsetReach
    offsetZOpacity: u32, // snorm16; logit
    color: u32, // three signed 10-bit numbers, −1..1
    scale: u32, // three signed 10-bit numbers, units of DeltaLogScaleReach
    rotation: u32, // snorm8 x, y, z, w
}

struct Attributes {
    offset: vec3f, // meters
    opacity: f32, // logit
    color: vec3<real>,
    logScale: vec3f, // ln m
    quaternion: vec4f, // x, y, z, w, any length
}

fn unpackThree(bits: u32) -> vec3f {
    let all = bitcast<i32>(bits);
    return vec3f(vec3i(extractBits(all, 0u, 10u), extractBits(all, 10u, 10u), extractBits(all, 20u, 10u))) / DeltaBits;
}

fn unpackAttributes(p: PackedAttributes) -> Attributes {
    let blueScale = unpackReals(p.colorBScaleX);
    return Attributes(
        OffsetReach * vec3f(unpack2x16snorm(p.offsetXy), unpack2x16snorm(p.offsetZOpacity).x),
        unpack2x16float(p.offsetZOpacity).y,
        vec3<real>(unpackReals(p.colorRg), blueScale.x),
        LogScaleMiddle + vec3f(f32(blueScale.y), unpack2x16float(p.scaleYz)),
        vec4f(unpack2x16float(p.rotationXy), unpack2x16float(p.rotationZw)),
    );
}

fn packAttributes(a: Attributes) -> PackedAttributes {
    let offset = a.offset / OffsetReach;
    let scale = a.logScale - LogScaleMiddle;
    return PackedAttributes(
        pack2x16snorm(offset.xy),
        pack2x16snorm(vec2f(offset.z, 0.0)) | pack2x16float(vec2f(0.0, a.opacity)),
        packReals(a.color.rg),
        pack2x16float(vec2f(f32(a.color.b), scale.x)),
        pack2x16float(scale.yz),
        pack2x16float(a.quaternion.xy),
        pack2x16float(a.quaternion.zw),
    );
}

/// G = static + weight · delta
fn addDelta(a: Attributes, p: PackedDelta, weight: f32) -> Attributes {
    return Attributes(
        a.offset +
            (weight * DeltaOffsetReach) * vec3f(unpack2x16snorm(p.offsetXy), unpack2x16snorm(p.offsetZOpacity).x),
        a.opacity + weight * unpack2x16float(p.offsetZOpacity).y,
        a.color + vec3<real>(weight * unpackThree(p.color)),
        a.logScale + (weight * DeltaLogScaleReach) * unpackThree(p.scale),
        a.quaternion + weight * unpack4x8snorm(p.rotation),
    );
}
