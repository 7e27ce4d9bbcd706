/** One view of one avatar as Babylon sees it: its matrices, and whether what was prepared for it still holds. */
import type { Camera } from "@babylonjs/core/Cameras/camera";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import type { IViewSettings, ViewBuffers } from "../runtime/passes";

/** Settings that can be written. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** State of one view. Reading it allocates nothing. */
export class SplatView {
    /** What the buffers are to be prepared for. */
    public readonly settings: Writable<IViewSettings> & {
        worldFromPosed: Float64Array;
        viewFromWorld: Float64Array;
        clipFromView: Float64Array;
    };
    /** Lower left corner of the viewport in the target, pixels. */
    public viewportXPx = 0;
    public viewportYPx = 0;
    /** Frame in which the view was last rendered. */
    public frameId = -1;
    private _revision = -1;

    /**
     * @param camera whose view it is
     * @param buffers owned by the mesh
     */
    public constructor(
        public readonly camera: Camera,
        public readonly buffers: ViewBuffers,
    ) {
        this.settings = {
            worldFromPosed: new Float64Array(16),
            viewFromWorld: new Float64Array(16),
            clipFromView: new Float64Array(16),
            viewportWidthPx: 0,
            viewportHeightPx: 0,
            rightHanded: false,
            ndcHalfZ: true,
        };
    }

    /**
     * Reads the state of the scene at the moment the mesh is rendered.
     * @param mesh what is rendered
     * @param revision of what it shows
     * @returns whether anything differs from the last call
     */
    public read(mesh: Mesh, revision: number): boolean {
        const scene = mesh.getScene();
        const engine = scene.getEngine();
        const { settings } = this;
        let changed = this._revision !== revision;
        this._revision = revision;
        changed = CopyMatrix(mesh.getWorldMatrix().m, settings.worldFromPosed) || changed;
        changed = CopyMatrix(scene.getViewMatrix().m, settings.viewFromWorld) || changed;
        changed = CopyMatrix(scene.getProjectionMatrix().m, settings.clipFromView) || changed;
        const viewport = engine.currentViewport;
        const widthPx = Math.floor((viewport?.width ?? 1) * engine.getRenderWidth());
        const heightPx = Math.floor((viewport?.height ?? 1) * engine.getRenderHeight());
        this.viewportXPx = Math.floor((viewport?.x ?? 0) * engine.getRenderWidth());
        this.viewportYPx = Math.floor((viewport?.y ?? 0) * engine.getRenderHeight());
        changed =
            changed ||
            settings.viewportWidthPx !== widthPx ||
            settings.viewportHeightPx !== heightPx ||
            settings.rightHanded !== scene.useRightHandedSystem;
        settings.viewportWidthPx = widthPx;
        settings.viewportHeightPx = heightPx;
        settings.rightHanded = scene.useRightHandedSystem;
        settings.ndcHalfZ = engine.isNDCHalfZRange;
        return changed;
    }
}

/** Copies sixteen numbers. @returns whether any of them was different */
function CopyMatrix(from: ArrayLike<number>, to: Float64Array): boolean {
    let changed = false;
    for (let i = 0; i < 16; i++) {
        if (to[i] !== from[i]) {
            to[i] = from[i];
            changed = true;
        }
    }
    return changed;
}
