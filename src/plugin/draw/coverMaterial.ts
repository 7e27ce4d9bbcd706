/**
 * Writes stencil where splats cover a pixel, and no color, for highlight layers. Blended splats do not: their faint
 * rims would end, or begin, a glow.
 */
import { ShaderStore } from "@babylonjs/core/Engines/shaderStore.js";
import type { Effect } from "@babylonjs/core/Materials/effect.js";
import type { BaseTexture } from "@babylonjs/core/Materials/Textures/baseTexture.js";
import type { Matrix } from "@babylonjs/core/Maths/math.vector.js";
import type { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { SubMesh } from "@babylonjs/core/Meshes/subMesh.js";
import type { Nullable } from "@babylonjs/core/types.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { SplatQuadSource } from "../../runtime/passes/index.js";
import { FlexAvatarSplatMaterial } from "./splatMaterial.js";
import { SplatFragmentStart } from "./splatShader.js";

const ShaderName = "flexAvatarSplatCover";
const MaskName = "layerMask";

// The mask has half the size of the view, or another; its rows go up, as the view's do in Babylon's fragment
// coordinates.
const FragmentSource = `
${SplatQuadSource}
uniform visibility: f32;
uniform viewportPx: vec4f;
uniform leastAlpha: f32;
#ifdef FLEX_MASK
var ${MaskName}: texture_2d<f32>;
#endif
${SplatFragmentStart}
    if (uniforms.visibility * color.a < uniforms.leastAlpha) {
        discard;
    }
#ifdef FLEX_MASK
    let size = vec2f(textureDimensions(${MaskName}));
    let inViewport = (fragmentInputs.position.xy - uniforms.viewportPx.xy) / uniforms.viewportPx.zw;
    let at = clamp(inViewport * size, vec2f(0.0), size - 1.0);
    if (textureLoad(${MaskName}, vec2i(at), 0).a < 0.5) {
        discard;
    }
#endif
    fragmentOutputs.color = vec4f(0.0);
}
`;

/** One kind of cover. */
export interface ICover {
    /** Share of a pixel that a splat must cover to count, 0 to 1. */
    leastAlpha: number;
    /** Whether it counts only where {@link FlexAvatarCoverMaterial.mask} has an alpha of at least a half. */
    isMasked: boolean;
}

/** Made by `FlexAvatarSplatMesh`. */
export class FlexAvatarCoverMaterial extends FlexAvatarSplatMaterial {
    /** Set before each draw of a masked one; borrowed. */
    public mask: BaseTexture | null = null;
    private readonly _cover: ICover;

    /**
     * @param name name in the scene
     * @param scene a scene on a WebGPUEngine
     * @param cover what it writes, and where
     */
    public constructor(name: string, scene: Scene, cover: ICover) {
        ShaderStore.ShadersStoreWGSL[`${ShaderName}PixelShader`] = FragmentSource;
        super(name, scene, { shader: ShaderName, uniforms: ["leastAlpha"], samplers: [MaskName], isBlended: false });
        this._cover = cover;
        this.disableColorWrite = true;
        this.setDefine("FLEX_MASK", cover.isMasked);
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarCoverMaterial";
    }

    /** Binds the mask too. @internal */
    public override bind(world: Matrix, mesh?: Mesh, effectOverride?: Nullable<Effect>, subMesh?: SubMesh): void {
        super.bind(world, mesh, effectOverride, subMesh);
        const effect = effectOverride ?? subMesh?.effect;
        effect?.setFloat("leastAlpha", this._cover.leastAlpha);
        if (this._cover.isMasked) {
            effect?.setTexture(MaskName, this.mask);
        }
    }
}
