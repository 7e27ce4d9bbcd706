/**
 * What the splat shader must know of the scene and the view: how to get back to view space, fog, clip planes, depth,
 * and the target's color space.
 */
import type { Effect } from "@babylonjs/core/Materials/effect.js";
import type { ShaderMaterial } from "@babylonjs/core/Materials/shaderMaterial.js";
import { Matrix } from "@babylonjs/core/Maths/math.vector.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { BindReceivedShadow, ReceivedShadow, ShadowUniformNames } from "./receivedShadow.js";
import { ClipPlaneCount } from "./splatShader.js";
import type { SplatView } from "./splatView.js";

/** Every uniform of the shader. */
export const SplatUniformNames = [
    "viewportPx",
    "viewFromNdc",
    "clipOffset",
    "clipW",
    "ahead",
    "fogInfos",
    "fogColor",
    "logDepthScale",
    "linearTarget",
    "visibility",
    "clipPlaneCount",
    "clipPlanes",
    ...ShadowUniformNames,
    "exposureLinear",
    "contrast",
    "whiteBalanceMatrix",
    "vCameraColorCurveNegative",
    "vCameraColorCurveNeutral",
    "vCameraColorCurvePositive",
] as const;

/** Clip planes of a scene or of a material. */
export const ClipPlaneKeys = [
    "clipPlane",
    "clipPlane2",
    "clipPlane3",
    "clipPlane4",
    "clipPlane5",
    "clipPlane6",
] as const;

const Planes = new Float32Array(4 * ClipPlaneCount); // scratch of SetClipPlanes
const WorldFromView = new Matrix(); // scratch of SetClipPlanes

/**
 * Sets all of them. Allocates nothing.
 * @param mesh its visibility and its `applyFog` count
 * @param material its own clip planes go before the scene's, and it says whether depth is logarithmic
 */
export function SetSplatUniforms(
    effect: Effect,
    scene: Scene,
    mesh: AbstractMesh | undefined,
    view: SplatView,
    material: ShaderMaterial,
): void {
    const { settings, viewportXPx, viewportYPx } = view;
    effect.setFloat4("viewportPx", viewportXPx, viewportYPx, settings.viewportWidthPx, settings.viewportHeightPx);
    effect.setFloat("visibility", mesh?.visibility ?? 1);
    // clip x = p0 x + p4 y + p8 z + p12, clip y = p1 x + p5 y + p9 z + p13, clip w = p11 z + p15; solved for x and y.
    const p = settings.clipFromView;
    const determinant = p[0] * p[5] - p[4] * p[1];
    effect.setFloat4("viewFromNdc", p[5] / determinant, -p[1] / determinant, -p[4] / determinant, p[0] / determinant);
    effect.setFloat4("clipOffset", p[8], p[9], p[12], p[13]);
    effect.setFloat2("clipW", p[11], p[15]);
    effect.setFloat("ahead", settings.rightHanded ? -1 : 1);

    const fogMode = FogMode(scene, mesh);
    effect.setFloat4("fogInfos", fogMode, scene.fogStart, scene.fogEnd, scene.fogDensity);
    effect.setColor3("fogColor", scene.fogColor);
    // Babylon's log2(1 + w) / log2(1 + maxZ). Its meshes have no logarithmic depth under an orthographic camera.
    const farZ = scene.activeCamera?.maxZ ?? 0;
    effect.setFloat(
        "logDepthScale",
        material.useLogarithmicDepth && farZ > 0 && p[11] !== 0 ? 1 / Math.log2(1 + farZ) : 0,
    );
    // Where a post-process applies image processing, or a frame-graph task turns it off, the target holds linear color.
    effect.setFloat("linearTarget", scene.imageProcessingConfiguration.applyByPostProcess ? 1 : 0);
    scene.imageProcessingConfiguration.bind(effect);
    SetClipPlanes(effect, scene, material, view);
    const shadow = ReceivedShadow(scene, mesh);
    if (shadow) {
        BindReceivedShadow(effect, scene, shadow, settings.viewFromWorld);
    }
}

/** Whether {@link SetSplatUniforms} sets nothing that the plain variant of the shader would miss. */
export function IsPlain(scene: Scene, mesh: AbstractMesh, material: ShaderMaterial): boolean {
    for (let i = 0; i < ClipPlaneCount; i++) {
        if (material[ClipPlaneKeys[i]] ?? scene[ClipPlaneKeys[i]]) {
            return false;
        }
    }
    const { applyByPostProcess } = scene.imageProcessingConfiguration;
    return !applyByPostProcess && !material.useLogarithmicDepth && FogMode(scene, mesh) === 0;
}

/** 0 for none, as in Babylon. */
function FogMode(scene: Scene, mesh: AbstractMesh | undefined): number {
    return scene.fogEnabled && (mesh?.applyFog ?? true) ? scene.fogMode : 0;
}

/** They are given in world space and wanted in view space. */
function SetClipPlanes(effect: Effect, scene: Scene, material: ShaderMaterial, view: SplatView): void {
    let count = 0;
    for (let i = 0; i < ClipPlaneCount; i++) {
        const key = ClipPlaneKeys[i];
        const plane = material[key] ?? scene[key];
        if (!plane) {
            continue;
        }
        if (count === 0) {
            Matrix.FromArrayToRef(view.settings.viewFromWorld, 0, WorldFromView);
            WorldFromView.invertToRef(WorldFromView);
        }
        const { m } = WorldFromView;
        const { x, y, z } = plane.normal;
        for (let axis = 0; axis < 4; axis++) {
            const at = 4 * axis;
            Planes[4 * count + axis] = x * m[at] + y * m[at + 1] + z * m[at + 2] + plane.d * m[at + 3];
        }
        count++;
    }
    effect.setInt("clipPlaneCount", count);
    if (count > 0) {
        effect.setArray4("clipPlanes", Planes as unknown as number[]);
    }
}
