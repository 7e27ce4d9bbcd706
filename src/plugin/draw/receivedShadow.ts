/**
 * Shadows that fall on splats. Their colors come from photos, light included, so a shadow cannot take one light away;
 * it darkens by the share that its light has among the scene's lights. One light: the first directional or spot light
 * with a shadow generator that is not cascaded and whose map holds plain depth (no filter, Poisson, PCF, PCSS). Per
 * splat: four texels of the map, in the vertex shader. Off unless `receiveShadows` is set.
 */
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine.js";
import { Light } from "@babylonjs/core/Lights/light.js";
import type { DirectionalLight } from "@babylonjs/core/Lights/directionalLight.js";
import { ShadowGenerator } from "@babylonjs/core/Lights/Shadows/shadowGenerator.js";
import type { Effect } from "@babylonjs/core/Materials/effect.js";
import { Matrix } from "@babylonjs/core/Maths/math.vector.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { Scene } from "@babylonjs/core/scene.js";

/**
 * Meters that splats are moved towards the light before the test: they lie around the proxy that casts, hair deeper
 * than skin.
 */
const Bias = 0.02;

/** Defines of the splat shader: shadows at all; shadows from a depth texture instead of a color one. */
export const ShadowDefines = ["FLEX_SHADOW", "FLEX_SHADOW_DEPTH"] as const;
export const ShadowUniformNames = ["shadowFromView", "shadowDepth"] as const;
export const ShadowSamplerName = "shadowMap";

/** The function `shadowTint`: the factor of an encoded color at a point in view space. */
export const ReceivedShadowSource = `
#ifdef FLEX_SHADOW
uniform shadowFromView: mat4x4f;
uniform shadowDepth: vec4f; // added to a depth, divides it, tint in full shadow
#ifdef FLEX_SHADOW_DEPTH
var shadowMap: texture_depth_2d;
fn shadowTexel(at: vec2i) -> f32 {
    return textureLoad(shadowMap, at, 0);
}
#else
var shadowMap: texture_2d<f32>;
fn shadowTexel(at: vec2i) -> f32 {
    return textureLoad(shadowMap, at, 0).r;
}
#endif
fn shadowTint(place: vec3f) -> f32 {
    let clip = uniforms.shadowFromView * vec4f(place, 1.0);
    let depth = (clip.z + uniforms.shadowDepth.x) / uniforms.shadowDepth.y;
    let size = vec2i(textureDimensions(shadowMap));
    let at = (0.5 * clip.xy / clip.w + 0.5) * vec2f(size) - 0.5;
    let share = fract(at);
    var lit = 0.0;
    for (var i = 0; i < 4; i++) {
        let step = vec2i(i & 1, i >> 1u);
        let texel = vec2i(floor(at)) + step;
        let weights = select(1.0 - share, share, step == vec2i(1));
        let outside = any(texel < vec2i(0)) || any(texel >= size) || clip.w <= 0.0;
        let stored = shadowTexel(clamp(texel, vec2i(0), size - 1));
        lit += weights.x * weights.y * select(0.0, 1.0, outside || depth <= stored);
    }
    return mix(uniforms.shadowDepth.z, 1.0, lit);
}
#endif
`;

const PlainFilters: readonly number[] = [ShadowGenerator.FILTER_NONE, ShadowGenerator.FILTER_POISSONSAMPLING];
const DepthFilters: readonly number[] = [ShadowGenerator.FILTER_PCF, ShadowGenerator.FILTER_PCSS];

const FromView = new Matrix(); // scratch of BindReceivedShadow

/** The generator whose shadow a mesh takes, or null. Allocates nothing. */
export function ReceivedShadow(scene: Scene, mesh: AbstractMesh | undefined): ShadowGenerator | null {
    if (!mesh?.receiveShadows || !scene.shadowsEnabled || (scene.getEngine() as WebGPUEngine).useReverseDepthBuffer) {
        return null;
    }
    for (let i = 0; i < scene.lights.length; i++) {
        const light = scene.lights[i];
        const generator =
            light.isEnabled() && light.shadowEnabled ? (light.getShadowGenerator() as ShadowGenerator | null) : null;
        const type = light.getTypeID();
        if (
            generator?.getClassName() === ShadowGenerator.CLASSNAME &&
            (type === Light.LIGHTTYPEID_DIRECTIONALLIGHT || type === Light.LIGHTTYPEID_SPOTLIGHT)
        ) {
            const { filter } = generator;
            if (PlainFilters.includes(filter) || DepthFilters.includes(filter)) {
                return generator;
            }
        }
    }
    return null;
}

/** Whether its map is a depth texture. */
export function HasDepthMap(generator: ShadowGenerator): boolean {
    return DepthFilters.includes(generator.filter);
}

/**
 * Binds map, matrix and tint.
 * @param viewFromWorld 4×4 as Babylon stores it
 */
export function BindReceivedShadow(
    effect: Effect,
    scene: Scene,
    generator: ShadowGenerator,
    viewFromWorld: ArrayLike<number>,
): void {
    const light = generator.getLight() as DirectionalLight;
    Matrix.FromArrayToRef(viewFromWorld, 0, FromView);
    FromView.invertToRef(FromView);
    const direction = light.transformedDirection ?? light.direction;
    const back = -Bias / Math.max(direction.length(), 1e-9);
    FromView.addAtIndex(12, back * direction.x);
    FromView.addAtIndex(13, back * direction.y);
    FromView.addAtIndex(14, back * direction.z);
    FromView.multiplyToRef(generator.getTransformMatrix(), FromView);
    effect.setMatrix("shadowFromView", FromView);
    let intensity = 0;
    for (let i = 0; i < scene.lights.length; i++) {
        intensity += scene.lights[i].isEnabled() ? scene.lights[i].intensity : 0;
    }
    const share = intensity > 0 ? light.intensity / intensity : 0;
    const tint = Math.max(0, 1 - share * (1 - generator.darkness)) ** (1 / 2.2);
    const map = generator.getShadowMap();
    if (HasDepthMap(generator)) {
        effect.setFloat4("shadowDepth", 0, 1, tint, 0);
        effect.setDepthStencilTexture(ShadowSamplerName, map);
    } else {
        const camera = scene.activeCamera!;
        const near = light.getDepthMinZ(camera);
        effect.setFloat4("shadowDepth", near, near + light.getDepthMaxZ(camera), tint, 0);
        effect.setTexture(ShadowSamplerName, map);
    }
}
