/** Puts a splat mesh into the maps of the scene's depth renderers, which effects such as depth of field read. */
import type { Observer } from "@babylonjs/core/Misc/observable.js";
import type { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { DepthRenderer } from "@babylonjs/core/Rendering/depthRenderer.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarDepthMaterial } from "./depthMaterial.js";

/** A depth renderer as far as we ask it; two of the fields are private to Babylon. */
type KnownDepthRenderer = Pick<DepthRenderer, "isPacked" | "getDepthMap" | "setMaterialForRendering"> & {
    readonly _storeCameraSpaceZ: boolean;
    readonly _storeNonLinearDepth: boolean;
};

/** One per splat mesh. Renderers that `scene.enableDepthRenderer` makes are found before targets are rendered. */
export class DepthMaps {
    private readonly _materials = new Map<KnownDepthRenderer, FlexAvatarDepthMaterial>();
    private readonly _onBeforeTargets: Observer<Scene> | null;

    /** @param _mesh borrowed */
    public constructor(private readonly _mesh: Mesh) {
        this._onBeforeTargets = _mesh
            .getScene()
            .onBeforeRenderTargetsRenderObservable.add((scene) => this._follow(scene));
    }

    /** Leaves all maps. */
    public dispose(): void {
        this._onBeforeTargets?.remove();
        this._materials.forEach((material) => material.dispose());
        this._materials.clear();
    }

    /** Takes renderers that came and drops those that went. */
    private _follow(scene: Scene): void {
        const { _depthRenderer: renderers } = scene as unknown as {
            _depthRenderer?: Record<string, KnownDepthRenderer>;
        };
        if (!renderers && this._materials.size === 0) {
            return;
        }
        const known = Object.values(renderers ?? {});
        for (const renderer of known) {
            if (!this._materials.has(renderer)) {
                const material = new FlexAvatarDepthMaterial(`${this._mesh.name}.depth`, scene, {
                    cameraSpaceZ: renderer._storeCameraSpaceZ,
                    nonLinear: renderer._storeNonLinearDepth,
                    packed: renderer.isPacked,
                });
                this._materials.set(renderer, material);
                renderer.setMaterialForRendering(this._mesh, material);
            }
        }
        for (const [renderer, material] of this._materials) {
            if (!known.includes(renderer)) {
                material.dispose();
                this._materials.delete(renderer);
            }
        }
    }
}
