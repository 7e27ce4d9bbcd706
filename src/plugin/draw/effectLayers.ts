/** Puts a splat mesh into the masks of the scene's effect layers: glow, highlight, selection outline. */
import type { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { Observer } from "@babylonjs/core/Misc/observable.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { ISplatMember } from "./splatView.js";
import { FlexAvatarLayerMaterial, type KnownLayer } from "./layerMaterial.js";

/** What a layer's mask is drawn with, and in which render pass. */
interface IMask {
    readonly material: FlexAvatarLayerMaterial;
    passId: number;
}

const None: readonly KnownLayer[] = [];

/** One per splat mesh. Layers are found before targets are rendered. */
export class EffectLayers {
    private readonly _masks = new Map<KnownLayer, IMask>();
    private readonly _onBeforeTargets: Observer<Scene> | null;

    /** @param _mesh borrowed */
    public constructor(private readonly _mesh: Mesh) {
        this._onBeforeTargets = _mesh
            .getScene()
            .onBeforeRenderTargetsRenderObservable.add((scene) => this._follow(scene));
    }

    /** Leaves all masks. */
    public dispose(): void {
        this._onBeforeTargets?.remove();
        this._masks.forEach(({ material }) => material.dispose());
        this._masks.clear();
    }

    /**
     * Whether the stencil buffer is a layer's and the mesh must mark it: none was told to have nothing to do with the
     * mesh.
     */
    public marksStencil(): boolean {
        let isWanted = false;
        for (const layer of this._masks.keys()) {
            if (layer._thinEffectLayer._excludedMeshes?.[this._mesh.uniqueId]) {
                return false;
            }
            isWanted = isWanted || (layer.needStencil() && layer.shouldRender());
        }
        return isWanted;
    }

    /**
     * Names the highlight layers that highlight the mesh, or an avatar of it by its proxy mesh.
     * @param draw told the layer's mask and the stencil value that it keeps its glow from
     */
    public forEachHighlight(
        members: readonly ISplatMember[],
        draw: (mask: KnownLayer["_mainTexture"], stencil: number) => void,
    ): void {
        for (const layer of this._masks.keys()) {
            const {
                _meshes: meshes,
                _instanceGlowingMeshStencilReference: stencil = 0,
                numStencilBits = 8,
            } = layer._thinEffectLayer;
            if (stencil > 0 && meshes && layer.shouldRender()) {
                if (meshes[this._mesh.uniqueId] || members.some(({ proxyMesh }) => meshes[proxyMesh.uniqueId])) {
                    draw(layer._mainTexture, stencil << (8 - numStencilBits));
                }
            }
        }
    }

    /**
     * Takes layers that came, drops those that went, and follows masks that were made anew, as they are when the canvas
     * changes its size.
     */
    private _follow(scene: Scene): void {
        const layers = (scene.effectLayers as unknown as readonly KnownLayer[] | undefined) ?? None;
        if (layers.length === 0 && this._masks.size === 0) {
            return;
        }
        for (const [layer, { material, passId }] of this._masks) {
            if (!layers.includes(layer)) {
                this._mesh.setMaterialForRenderPass(passId, undefined);
                material.dispose();
                this._masks.delete(layer);
            }
        }
        for (const layer of layers) {
            let mask = this._masks.get(layer);
            if (!mask) {
                mask = { material: new FlexAvatarLayerMaterial(`${this._mesh.name}.layer`, scene, layer), passId: -1 };
                this._masks.set(layer, mask);
            }
            const passId = layer._mainTexture.renderPassId;
            if (mask.passId !== passId) {
                if (mask.passId >= 0) {
                    this._mesh.setMaterialForRenderPass(mask.passId, undefined);
                }
                mask.passId = passId;
                this._mesh.setMaterialForRenderPass(passId, mask.material);
            }
        }
    }
}
