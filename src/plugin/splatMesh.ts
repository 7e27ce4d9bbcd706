/**
 * The drawn part of an avatar: an ordinary transparent mesh whose triangles the vertex shader pulls from the sorted records of the view being rendered.
 * It asks for projection and sort where Babylon renders it, because only there the view is known for certain: any camera, eye, render target,
 * mirror or frame-graph task comes through `render`. The work goes into a command buffer of its own, submitted before Babylon submits the frame.
 */
import type { Camera } from "@babylonjs/core/Cameras/camera";
import type { PickingInfo } from "@babylonjs/core/Collisions/pickingInfo";
import { Constants } from "@babylonjs/core/Engines/constants";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh";
import { Geometry } from "@babylonjs/core/Meshes/geometry";
import { Mesh } from "@babylonjs/core/Meshes/mesh";
import { SubMesh } from "@babylonjs/core/Meshes/subMesh";
import type { Observer } from "@babylonjs/core/Misc/observable";
import type { Scene } from "@babylonjs/core/scene";
import type { IPosedBounds, IViewSettings, ViewBuffers } from "../runtime/passes";
import { FlexAvatarSplatMaterial } from "./splatMaterial";
import { SplatView } from "./splatView";

/** What the mesh draws. */
export interface ISplatSource {
    /** Gaussians, drawn or not. */
    readonly gaussianCount: number;
    /** Box around them in posed space. */
    readonly bounds: IPosedBounds;
    /** Changes whenever a prepared view is out of date. */
    readonly revision: number;
    /** Makes buffers for one more view. */
    createView(): ViewBuffers;
    /** Projects and sorts for a view, and submits that. */
    prepareView(view: ViewBuffers, settings: IViewSettings): void;
}

const VerticesPerSplat = 6;
/** Frames after which the buffers of a view that is no longer rendered are freed, checked when a new view appears. */
const IdleFrames = 120;

const Minimum = new Vector3(); // scratch of updateBounds
const Maximum = new Vector3(); // scratch of updateBounds

/** Made and disposed by `FlexAvatar`. Its axes are posed space. */
export class FlexAvatarSplatMesh extends Mesh {
    private readonly _views = new Map<number, SplatView>();
    private readonly _splatMaterial: FlexAvatarSplatMaterial;
    private readonly _onCameraRemoved: Observer<Camera> | null;
    private readonly _onBeforeDrawPhase: Observer<Scene> | null;
    private _isBlind = false;

    /**
     * @param name name in the scene
     * @param scene a scene on a WebGPUEngine
     * @param _source borrowed; must outlive the mesh or be replaced
     * @param _pickMesh what rays are tested against, in the same axes
     */
    public constructor(
        name: string,
        scene: Scene,
        private _source: ISplatSource,
        private readonly _pickMesh: AbstractMesh,
    ) {
        super(name, scene);
        const vertices = VerticesPerSplat * _source.gaussianCount;
        // No vertex data at all: the shader needs the vertex index only.
        new Geometry(`${name}.geometry`, scene, undefined, false, this, vertices);
        this.isUnIndexed = true;
        this.releaseSubMeshes();
        new SubMesh(0, 0, vertices, 0, 0, this, undefined, false);
        this._splatMaterial = new FlexAvatarSplatMaterial(`${name}.material`, scene);
        this.material = this._splatMaterial;
        this.doNotSerialize = true;
        this.updateBounds();
        this._onBeforeDrawPhase = scene.onBeforeDrawPhaseObservable.add(() => this._prepareSnapshot());
        this._onCameraRemoved = scene.onCameraRemovedObservable.add((camera) => this._releaseViews((view) => view.camera === camera));
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarSplatMesh";
    }

    /** Views (camera and render pass) that hold buffers. */
    public get viewCount(): number {
        return this._views.size;
    }

    /**
     * Shows another source, after the device was lost. It must have as many Gaussians.
     * @param source borrowed, or null to show nothing for the time being
     */
    public setSource(source: ISplatSource | null): void {
        this._releaseViews(() => true);
        this._isBlind = source === null;
        this._source = source ?? this._source;
    }

    /** Takes the box of the source; the avatar calls this when the pose changes. Allocates nothing. */
    public updateBounds(): void {
        const { min, max } = this._source.bounds;
        Minimum.set(min[0], min[1], min[2]);
        Maximum.set(max[0], max[1], max[2]);
        this.getBoundingInfo().reConstruct(Minimum, Maximum, this.worldMatrixFromCache);
    }

    /** Prepares the view that Babylon renders now, then draws it. @internal */
    public override render(subMesh: SubMesh, enableAlphaMode: boolean, effectiveMeshReplacement?: AbstractMesh): Mesh {
        const camera = this.getScene().activeCamera;
        if (this._isBlind || this._source.gaussianCount === 0 || !camera) {
            return this;
        }
        this._splatMaterial.view = this._prepareView(camera);
        return super.render(subMesh, enableAlphaMode, effectiveMeshReplacement);
    }

    /** Picks the posed head surface instead of the splats; the hit names the proxy mesh. */
    public override intersects(...parameters: Parameters<Mesh["intersects"]>): PickingInfo {
        return this._pickMesh.intersects(...parameters);
    }

    /** Frees the buffers of all views, the material and the geometry. */
    public override dispose(doNotRecurse?: boolean): void {
        if (this.isDisposed()) {
            return;
        }
        this._onCameraRemoved?.remove();
        this._onBeforeDrawPhase?.remove();
        this._releaseViews(() => true);
        super.dispose(doNotRecurse, false);
        this._splatMaterial.dispose();
    }

    /** Fast snapshot rendering replays draws without asking meshes; the records that they read must follow all the same. */
    private _prepareSnapshot(): void {
        const engine = this.getEngine() as WebGPUEngine;
        const camera = this.getScene().activeCamera;
        if (engine.snapshotRendering && engine.snapshotRenderingMode === Constants.SNAPSHOTRENDERING_FAST && camera && !this._isBlind) {
            if (this._views.has(this._keyOf(camera))) {
                this._prepareView(camera);
            }
        }
    }

    private _keyOf(camera: Camera): number {
        return camera.uniqueId * 65536 + (this.getEngine() as WebGPUEngine).currentRenderPassId;
    }

    private _prepareView(camera: Camera): SplatView {
        const engine = this.getEngine() as WebGPUEngine;
        const key = this._keyOf(camera);
        let view = this._views.get(key);
        if (!view) {
            const idleSince = engine.frameId - IdleFrames;
            this._releaseViews((other) => other.frameId < idleSince);
            view = new SplatView(camera, this._source.createView());
            this._views.set(key, view);
        }
        if (view.read(this, this._source.revision)) {
            if (view.frameId === engine.frameId) {
                // Second picture of this view within one frame: the first one's draw must be on the queue before its records are replaced.
                engine.flushFramebuffer();
            }
            this._source.prepareView(view.buffers, view.settings);
        }
        view.frameId = engine.frameId;
        return view;
    }

    private _releaseViews(which: (view: SplatView) => boolean): void {
        for (const [key, view] of this._views) {
            if (which(view)) {
                this._views.delete(key);
                view.buffers.dispose();
            }
        }
    }
}
