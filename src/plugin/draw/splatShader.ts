/**
 * The shader text of the splat material: Babylon's entry points around the runtime's maths (splatQuad.wgsl), and what
 * the scene adds to it: fog, clip planes, logarithmic depth, linear targets, image processing. All but the last is
 * chosen by uniforms (splatUniforms.ts), not by defines, so that one compiled effect serves all views: a mirror with a
 * clip plane and the main view with none. A software adapter computes what an `if` leaves out, though, for every pixel.
 * So views that want nothing of it are drawn by a plain variant, whose pictures are the same.
 */
import "@babylonjs/core/ShadersWGSL/ShadersInclude/helperFunctions.js";
import "@babylonjs/core/ShadersWGSL/ShadersInclude/imageProcessingDeclaration.js";
import "@babylonjs/core/ShadersWGSL/ShadersInclude/imageProcessingFunctions.js";
import { ShaderStore } from "@babylonjs/core/Engines/shaderStore.js";
import { LeastShadedAlpha } from "../../runtime/closeUp.js";
import { CloseUpSource, SplatQuadSource } from "../../runtime/passes/index.js";
import { ReceivedShadowSource } from "./receivedShadow.js";

/** Name of the shader in Babylon's store. */
export const SplatShaderName = "flexAvatarSplat";

/** Storage buffers of the vertex shader. */
export const SplatBufferNames = ["records", "order", "drawArgs"] as const;

/** With the define {@link CloseUpDefine}: storage buffer and texture of the detail for close-ups. */
export const CloseUpBufferName = "closeUps";
export const CloseUpAtlasName = "closeUpAtlas";

/** Chooses the variant that draws detail for close-ups. */
export const CloseUpDefine = "FLEX_CLOSE_UP";

/** Chooses the variant without fog, clip planes, logarithmic depth and linear targets. */
export const PlainDefine = "FLEX_PLAIN";

/** Clip planes of a scene, `clipPlane` to `clipPlane6`. */
export const ClipPlaneCount = 6;

/** Stretches of records that can have a tint of their own (layers/layerMaterial.ts). */
export const MostTints = 64;

/**
 * Corners are moved out by this factor, so that snapping them to the raster, which differs between a canvas and a
 * flipped render target, never loses a fragment above the cut.
 */
const CornerReach = 1.01;

// From NDC and a depth along the view back to view space; the terms are those of splatUniforms.ts.
const ViewPositionSource = `
uniform viewFromNdc: vec4f;
uniform clipOffset: vec4f;
uniform clipW: vec2f;
fn viewPosition(ndc: vec2f, viewZ: f32) -> vec3f {
    let clipXy = (uniforms.clipW.x * viewZ + uniforms.clipW.y) * ndc;
    let xy = clipXy - viewZ * uniforms.clipOffset.xy - uniforms.clipOffset.zw;
    return vec3f(xy.x * uniforms.viewFromNdc.xy + xy.y * uniforms.viewFromNdc.zw, viewZ);
}
`;

const CloseUpVaryings = `
flat varying vPlace: vec2f;
flat varying vSlope: vec4f;
flat varying vLevel: f32;
flat varying vLayer: f32;
flat varying vShade: vec3f;
`;

// Three vertices per splat in one instance: on software adapters an instance per splat is 5 to 12 times slower. The
// offset from the centre is found from the pixel's position instead of being interpolated: Babylon draws render targets
// upside down, interpolation rounds differently then, and classic and frame-graph pictures would differ by a step here
// and there. Clip planes do the same. Fog is that of the splat's centre and is mixed into encoded color, as
// StandardMaterial does. Gamma and image processing are done per splat too, before blending: 48 dB from doing them
// after it on a head from a photo (docs/scenes.md), where a pass over an intermediate target would be needed. A shade
// is worth what a small step of the color is worth after all that: found by taking one.
const VertexSource = `
#include<helperFunctions>
#include<imageProcessingDeclaration>
#include<imageProcessingFunctions>
${SplatQuadSource}
#ifdef ${CloseUpDefine}
${CloseUpSource}
var<storage, read> ${CloseUpBufferName}: array<CloseUpRecord>;
${CloseUpVaryings}
const ShadeStep: f32 = 1.0 / 32.0;
#endif
${ViewPositionSource}
${ReceivedShadowSource}
var<storage, read> records: array<SplatRecord>;
var<storage, read> order: array<u32>;
var<storage, read> drawArgs: DrawArgs;
uniform viewportPx: vec4f;
uniform ahead: f32;
uniform fogInfos: vec4f;
uniform fogColor: vec3f;
uniform logDepthScale: f32;
uniform linearTarget: f32;
flat varying vCenterPx: vec2f;
flat varying vOffsetFromPx: vec4f;
flat varying vColor: vec4f;
flat varying vViewZ: f32;
#ifdef FLEX_TINT
flat varying vTint: vec4f;
uniform tint: vec4f; // of all splats but those of the stretches
uniform tintCount: i32;
uniform tintStretches: array<vec4f, ${MostTints}>; // first record, the one after the last
uniform tints: array<vec4f, ${MostTints}>;
fn tintOf(record: f32) -> vec4f {
    for (var i = 0; i < uniforms.tintCount; i++) {
        if (record >= uniforms.tintStretches[i].x && record < uniforms.tintStretches[i].y) {
            return uniforms.tints[i];
        }
    }
    return uniforms.tint;
}
#endif

/// How much of the color is left behind the fog; modes and factors as in Babylon.
fn fogFactor(distance: f32) -> f32 {
    let optical = distance * uniforms.fogInfos.w;
    switch u32(uniforms.fogInfos.x) {
        case 1u: { return exp(-optical); }
        case 2u: { return exp(-optical * optical); }
        case 3u: { return saturate((uniforms.fogInfos.z - distance) / (uniforms.fogInfos.z - uniforms.fogInfos.y)); }
        default: { return 1.0; }
    }
}

/// A splat's color as its target wants it.
fn shownColor(given: vec3f, centerNdc: vec2f, viewZ: f32) -> vec3f {
    var color = given;
    #ifdef FLEX_SHADOW
    color *= shadowTint(viewPosition(centerNdc, viewZ));
    #endif
    #ifndef ${PlainDefine}
    if (uniforms.fogInfos.x > 0.0) {
        color = mix(uniforms.fogColor, color, fogFactor(length(viewPosition(centerNdc, viewZ))));
    }
    if (uniforms.linearTarget > 0.0) {
        color = toLinearSpaceVec3(color);
    }
    #endif
    #ifdef IMAGEPROCESSING
    color = applyImageProcessing(vec4f(toLinearSpaceVec3(color), 1.0)).rgb;
    #endif
    return color;
}

@vertex
fn main(input: VertexInputs) -> FragmentInputs {
    let splat = vertexInputs.vertexIndex / 3u;
    vertexOutputs.position = hiddenCorner().clip;
    if (splat < drawArgs.visibleCount) {
        let record = records[order[splat]];
        let corner = splatCorner(record, vertexInputs.vertexIndex % 3u);
        let pxPerNdc = 0.5 * uniforms.viewportPx.zw;
        let major = pxPerNdc * unpack2x16float(record.axisMajor);
        let minor = pxPerNdc * unpack2x16float(record.axisMinor);
        let area = major.x * minor.y - major.y * minor.x;
        let center = vec4f(record.centerNdc, corner.clip.zw);
        let viewZ = uniforms.ahead * record.viewDepth;
        vertexOutputs.position = center + ${CornerReach} * (corner.clip - center);
        #ifndef ${PlainDefine}
        if (uniforms.logDepthScale > 0.0) {
            vertexOutputs.position.z = uniforms.logDepthScale * log2(1.0 + uniforms.clipW.x * viewZ + uniforms.clipW.y);
        }
        #endif
        let color = shownColor(corner.color.rgb, record.centerNdc, viewZ);
        vertexOutputs.vCenterPx = uniforms.viewportPx.xy + pxPerNdc * (record.centerNdc + 1.0);
        vertexOutputs.vOffsetFromPx = vec4f(minor.y, -minor.x, -major.y, major.x) / (OffsetSigmas * area);
        vertexOutputs.vColor = vec4f(color, corner.color.a);
        vertexOutputs.vViewZ = viewZ;
        #ifdef FLEX_TINT
        vertexOutputs.vTint = tintOf(f32(order[splat]));
        #endif
        #ifdef ${CloseUpDefine}
        let closeUp = unpackCloseUp(${CloseUpBufferName}[order[splat]]);
        vertexOutputs.vPlace = closeUp.place;
        vertexOutputs.vSlope = closeUp.slope;
        vertexOutputs.vLevel = closeUp.level;
        vertexOutputs.vLayer = f32(closeUp.layer);
        vertexOutputs.vShade = vec3f(0.0);
        if (closeUp.strength > 0.0) {
            let brighter = shownColor(corner.color.rgb + ShadeStep, record.centerNdc, viewZ);
            vertexOutputs.vShade = (closeUp.strength * ShadeReach / ShadeStep) * (brighter - color);
        }
        #endif
    }
}
`;

/**
 * Where a fragment shader of splats begins: its varyings, and `color`, premultiplied, at the fragment's place in its
 * splat.
 */
export const SplatFragmentStart = `
flat varying vCenterPx: vec2f;
flat varying vOffsetFromPx: vec4f;
flat varying vColor: vec4f;
flat varying vViewZ: f32;
#ifdef FLEX_TINT
flat varying vTint: vec4f;
#endif
@fragment
fn main(input: FragmentInputs) -> FragmentOutputs {
    let fromCenterPx = fragmentInputs.position.xy - fragmentInputs.vCenterPx;
    let offsetFromPx = fragmentInputs.vOffsetFromPx;
    let offset = vec2f(dot(offsetFromPx.xy, fromCenterPx), dot(offsetFromPx.zw, fromCenterPx));
    let color = splatColor(offset, fragmentInputs.vColor);
`;

const FragmentSource = `
${SplatQuadSource}
uniform visibility: f32;
#ifndef ${PlainDefine}
${ViewPositionSource}
uniform viewportPx: vec4f;
uniform clipPlaneCount: i32;
uniform clipPlanes: array<vec4f, ${ClipPlaneCount}>;
#endif
#ifdef ${CloseUpDefine}
${CloseUpVaryings}
var ${CloseUpAtlasName}Sampler: sampler;
var ${CloseUpAtlasName}: texture_2d_array<f32>;
const LeastShadedAlpha: f32 = ${LeastShadedAlpha};
#endif
${SplatFragmentStart}
    if (color.a == 0.0) {
        discard;
    }
    var shown = color;
#ifdef ${CloseUpDefine}
    if (color.a >= LeastShadedAlpha && any(fragmentInputs.vShade != vec3f(0.0))) {
        let slope = fragmentInputs.vSlope;
        let place = fragmentInputs.vPlace + vec2f(dot(slope.xy, offset), dot(slope.zw, offset));
        let layer = i32(fragmentInputs.vLayer + 0.5);
        let level = fragmentInputs.vLevel;
        let shade = textureSampleLevel(${CloseUpAtlasName}, ${CloseUpAtlasName}Sampler, place, layer, level).r;
        let own = fragmentInputs.vColor.rgb;
        shown = vec4f(clamp(own + shade * fragmentInputs.vShade, vec3f(0.0), max(own, vec3f(1.0))) * color.a, color.a);
    }
#endif
#ifndef ${PlainDefine}
    if (uniforms.clipPlaneCount > 0) {
        let ndc = 2.0 * (fragmentInputs.position.xy - uniforms.viewportPx.xy) / uniforms.viewportPx.zw - 1.0;
        let place = vec4f(viewPosition(ndc, fragmentInputs.vViewZ), 1.0);
        for (var i = 0; i < uniforms.clipPlaneCount; i++) {
            if (dot(uniforms.clipPlanes[i], place) > 0.0) {
                discard;
            }
        }
    }
#endif
    fragmentOutputs.color = uniforms.visibility * shown;
}
`;

/**
 * `depth` as Babylon's own depth shader has it, 0 near to 1 far: clip depth is the pixel's times clip w. The shader's
 * uniforms must have `clipW` and `depthValues`.
 */
export const LinearDepthOfFragment = `    let clipW = uniforms.clipW.x * fragmentInputs.vViewZ + uniforms.clipW.y;
    var clipZ = fragmentInputs.position.z * clipW;
#ifdef USE_REVERSE_DEPTHBUFFER
    clipZ = -clipZ;
#endif
    let depth = (clipZ + uniforms.depthValues.x) / uniforms.depthValues.y;`;

/** Puts the text into Babylon's registry of shaders; doing it again changes nothing. */
export function RegisterSplatShader(): void {
    ShaderStore.ShadersStoreWGSL[`${SplatShaderName}VertexShader`] = VertexSource;
    ShaderStore.ShadersStoreWGSL[`${SplatShaderName}PixelShader`] = FragmentSource;
}
