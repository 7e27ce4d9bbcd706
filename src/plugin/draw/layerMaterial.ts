/**
 * What the mask of an effect layer holds of splats. Glow: its color, blended as the splats are, black by default, so
 * that heads hide what glows behind them. Highlight and selection outline: a color or number where a splat covers a
 * tenth of a pixel, so that hair has no holes.
 */
import { Constants } from "@babylonjs/core/Engines/constants.js";
import { ShaderStore } from "@babylonjs/core/Engines/shaderStore.js";
import type { Effect } from "@babylonjs/core/Materials/effect.js";
import type { Color3, Color4 } from "@babylonjs/core/Maths/math.color.js";
import type { Matrix } from "@babylonjs/core/Maths/math.vector.js";
import type { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { SubMesh } from "@babylonjs/core/Meshes/subMesh.js";
import type { RenderTargetTexture } from "@babylonjs/core/Materials/Textures/renderTargetTexture.js";
import type { Nullable } from "@babylonjs/core/types.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { EffectLayer } from "@babylonjs/core/Layers/effectLayer.js";
import { SplatQuadSource } from "../../runtime/passes/index.js";
import { FlexAvatarSplatMaterial } from "./splatMaterial.js";
import { LinearDepthOfFragment, MostTints, SplatFragmentStart } from "./splatShader.js";
import type { ISplatMember } from "./splatView.js";

/** An effect layer as far as we ask it; most fields are private to Babylon. */
export type KnownLayer = Pick<EffectLayer, "getClassName" | "shouldRender" | "needStencil"> & {
    readonly _mainTexture: RenderTargetTexture;
    readonly _thinEffectLayer: {
        /** Set just before a mesh is drawn into the mask. */
        readonly _emissiveTextureAndColor: { readonly color: Color4 };
        /** Of a highlight layer, by mesh. */
        readonly _meshes?: Record<number, { readonly color: Color3 } | undefined> | null;
        readonly _excludedMeshes?: Record<number, unknown> | null;
        readonly _instanceGlowingMeshStencilReference?: number;
        readonly numStencilBits?: number;
        /** Of a selection outline layer, by mesh. */
        readonly _meshUniqueIdToSelectionId?: readonly (number | undefined)[];
        readonly _options?: { readonly storeCameraSpaceZ?: boolean };
    };
};

/** Share of a pixel that a splat must cover to count. */
export const LeastLayerAlpha = 0.1;

const ShaderName = "flexAvatarSplatLayer";

// The depth is Babylon's depth metric, as in depthMaterial.ts.
const FragmentSource = `
${SplatQuadSource}
uniform visibility: f32;
uniform clipW: vec2f;
uniform depthValues: vec2f;
${SplatFragmentStart}
#ifdef FLEX_LAYER_GLOW
    if (color.a == 0.0) {
        discard;
    }
    fragmentOutputs.color = uniforms.visibility * color.a * vec4f(fragmentInputs.vTint.rgb, 1.0);
#else
    if (uniforms.visibility * color.a < ${LeastLayerAlpha}) {
        discard;
    }
#ifdef FLEX_LAYER_SELECTION
#ifdef FLEX_LAYER_VIEW_DEPTH
    let depth = fragmentInputs.vViewZ;
#else
${LinearDepthOfFragment}
#endif
    fragmentOutputs.color = vec4f(fragmentInputs.vTint.x, depth, 0.0, 1.0);
#else
    fragmentOutputs.color = fragmentInputs.vTint;
#endif
#endif
}
`;

/** Made by `EffectLayers`, one per layer. */
export class FlexAvatarLayerMaterial extends FlexAvatarSplatMaterial {
    /** How the mask takes it. */
    public readonly maskAlphaMode: number;
    private readonly _stretches = new Float32Array(4 * MostTints);
    private readonly _tints = new Float32Array(4 * MostTints);
    private _tintCount = 0;

    /**
     * @param name name in the scene
     * @param scene a scene on a WebGPUEngine
     * @param _layer whose mask it is drawn into; borrowed
     */
    public constructor(
        name: string,
        scene: Scene,
        private readonly _layer: KnownLayer,
    ) {
        ShaderStore.ShadersStoreWGSL[`${ShaderName}PixelShader`] = FragmentSource;
        const kind = _layer.getClassName();
        const isGlow = kind !== "HighlightLayer" && kind !== "SelectionOutlineLayer";
        const uniforms = ["depthValues", "tint", "tintCount", "tintStretches", "tints"];
        super(name, scene, { shader: ShaderName, uniforms, samplers: [], isBlended: isGlow });
        this.maskAlphaMode = isGlow ? this.alphaMode : Constants.ALPHA_DISABLE;
        this.disableDepthWrite = isGlow;
        this.setDefine("FLEX_TINT", true);
        this.setDefine("FLEX_LAYER_GLOW", isGlow);
        this.setDefine("FLEX_LAYER_SELECTION", kind === "SelectionOutlineLayer");
        this.setDefine("FLEX_LAYER_VIEW_DEPTH", _layer._thinEffectLayer._options?.storeCameraSpaceZ === true);
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarLayerMaterial";
    }

    /**
     * Binds the layer's colors too: that of all splats, and that of each avatar whose proxy the layer knows. @internal
     */
    public override bind(world: Matrix, mesh?: Mesh, effectOverride?: Nullable<Effect>, subMesh?: SubMesh): void {
        super.bind(world, mesh, effectOverride, subMesh);
        const effect = effectOverride ?? subMesh?.effect;
        const { activeCamera } = this.getScene();
        if (!effect || !mesh || !activeCamera) {
            return;
        }
        const { _emissiveTextureAndColor, _meshUniqueIdToSelectionId: selected } = this._layer._thinEffectLayer;
        const { r, g, b, a } = _emissiveTextureAndColor.color;
        effect.setFloat4("tint", selected ? (selected[mesh.uniqueId] ?? 0) : r, g, b, a);
        const { minZ, maxZ } = activeCamera;
        const isReversed = this.getScene().getEngine().useReverseDepthBuffer;
        effect.setFloat2("depthValues", minZ, isReversed ? minZ : minZ + maxZ);
        this._tintCount = 0;
        this.view?.forEachStretch(this._takeTint);
        effect.setInt("tintCount", this._tintCount);
        if (this._tintCount > 0) {
            effect.setArray4("tintStretches", this._stretches as unknown as number[]);
            effect.setArray4("tints", this._tints as unknown as number[]);
        }
    }

    private readonly _takeTint = (member: ISplatMember, first: number, end: number): void => {
        const own = this._layer._thinEffectLayer._meshes?.[member.proxyMesh.uniqueId];
        if (own && this._tintCount < MostTints) {
            const at = 4 * this._tintCount++;
            this._stretches[at] = first;
            this._stretches[at + 1] = end;
            this._tints[at] = own.color.r;
            this._tints[at + 1] = own.color.g;
            this._tints[at + 2] = own.color.b;
            this._tints[at + 3] = 1;
        }
    };
}
