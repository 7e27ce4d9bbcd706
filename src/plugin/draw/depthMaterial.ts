/**
 * What a depth renderer's map holds of splats: each pixel has the depth of the nearest splat that covers at least half
 * of it. Blending depths would need float targets that blend, which few adapters have. The vertex shader is that of the
 * drawn splats.
 */
import "@babylonjs/core/ShadersWGSL/ShadersInclude/packingFunctions.js";
import { ShaderStore } from "@babylonjs/core/Engines/shaderStore.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { SplatQuadSource } from "../../runtime/passes/index.js";
import { FlexAvatarSplatMaterial } from "./splatMaterial.js";
import { LinearDepthOfFragment, SplatFragmentStart } from "./splatShader.js";

/** What a map stores, as `DepthRenderer`'s constructor is told. */
export interface IDepthFormat {
    /** Depth along the view, meters; goes before the next. */
    cameraSpaceZ: boolean;
    /** As the depth buffer has it, instead of in proportion to the distance. */
    nonLinear: boolean;
    /** In four bytes. */
    packed: boolean;
}

const ShaderName = "flexAvatarSplatDepth";

/** Share of a pixel that a splat must cover to count. */
const LeastAlpha = 0.5;

// The metrics are those of Babylon's depth shader, whose clip depth is the pixel's times clip w. `depthValues` comes
// from the depth renderer.
const FragmentSource = `
#ifdef FLEX_DEPTH_PACKED
#include<packingFunctions>
#endif
${SplatQuadSource}
uniform visibility: f32;
uniform clipW: vec2f;
uniform depthValues: vec2f;
${SplatFragmentStart}
    if (uniforms.visibility * color.a < ${LeastAlpha}) {
        discard;
    }
#ifdef FLEX_DEPTH_VIEW
    let depth = fragmentInputs.vViewZ;
#else
#ifdef FLEX_DEPTH_NONLINEAR
    let depth = fragmentInputs.position.z;
#else
${LinearDepthOfFragment}
#endif
#endif
#ifdef FLEX_DEPTH_PACKED
    fragmentOutputs.color = pack(depth);
#else
    fragmentOutputs.color = vec4f(depth, 0.0, 0.0, 1.0);
#endif
}
`;

/** Made by `DepthMaps`, one per depth renderer. */
export class FlexAvatarDepthMaterial extends FlexAvatarSplatMaterial {
    /**
     * @param name name in the scene
     * @param scene a scene on a WebGPUEngine
     * @param format what the map stores
     */
    public constructor(name: string, scene: Scene, format: IDepthFormat) {
        ShaderStore.ShadersStoreWGSL[`${ShaderName}PixelShader`] = FragmentSource;
        super(name, scene, { shader: ShaderName, uniforms: ["depthValues"], samplers: [], isBlended: false });
        this.disableDepthWrite = false;
        this.setDefine("FLEX_DEPTH_VIEW", format.cameraSpaceZ);
        this.setDefine("FLEX_DEPTH_NONLINEAR", format.nonLinear);
        this.setDefine("FLEX_DEPTH_PACKED", format.packed);
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarDepthMaterial";
    }
}
