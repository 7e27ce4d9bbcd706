/**
 * The views of one mesh of splats, a camera in a render pass each: their buffers, the work that brings them up to date,
 * and which eyes share an order or levels of detail.
 */
import type { Camera } from "@babylonjs/core/Cameras/camera.js";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine.js";
import type { Observer } from "@babylonjs/core/Misc/observable.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { Submit, ViewBuffers } from "../../runtime/passes/index.js";
import { SplatView, type ISplatMember, type ShownLevels } from "./splatView.js";

/** Frames after which the buffers of a view that is no longer rendered are freed, checked when a new view appears. */
const IdleFrames = 120;
const PrepareDescriptor: GPUCommandEncoderDescriptor = { label: "prepareView" };
const HasSplats = ({ splats }: ISplatMember): boolean => splats !== null;

/** Owned by a mesh. */
export class SplatViews {
    /** Those that hold buffers. */
    public readonly all: readonly SplatView[] = [];
    private readonly _views = new Map<number, SplatView>();
    /** By camera, or rig of several, and for a camera by render pass. */
    private readonly _levels = new WeakMap<Camera, Map<number, ShownLevels>>();
    private readonly _onCameraRemoved: Observer<Camera> | null;

    /**
     * @param _scene where the mesh is
     * @param _members of the mesh; read in every view
     */
    public constructor(
        private readonly _scene: Scene,
        private readonly _members: readonly ISplatMember[],
    ) {
        this._onCameraRemoved = _scene.onCameraRemovedObservable.add((camera) =>
            this._release((view) => view.camera === camera),
        );
    }

    /** How many hold buffers. */
    public get count(): number {
        return this._views.size;
    }

    /** Bytes of GPU memory that they hold. */
    public get byteLength(): number {
        let sum = 0;
        this._views.forEach(({ buffers }) => (sum += buffers.byteLength));
        return sum;
    }

    /** Gaussians that a view has room for. */
    public get room(): number {
        let room = 0;
        for (let at = 0; at < this._members.length; at++) {
            room += this._members[at].splats?.buffers.fadingCount ?? 0;
        }
        return room;
    }

    /** Whether a camera has a view in the render pass under way. */
    public has(camera: Camera): boolean {
        return this._views.has(this._keyOf(camera));
    }

    /**
     * Brings the view of a camera in the render pass under way up to date. Its work is on the queue before Babylon's
     * own of this frame.
     * @returns the view, to be drawn now
     */
    public prepare(camera: Camera): SplatView {
        const engine = this._engine;
        const { pipeline } = this._members.find(HasSplats)!.splats!;
        const key = this._keyOf(camera);
        const view = this._views.get(key) ?? this._create(camera, key, pipeline.device);
        const changed = view.read(this._scene, this._members);
        const ordered = this._otherEyeOf(view)?.buffers ?? view.buffers;
        if (changed || ordered !== view.ordered) {
            view.ordered = ordered;
            if (view.frameId === engine.frameId) {
                // Second picture of this view within one frame: the first one's draw must be on the queue before its
                // records are replaced.
                engine.flushFramebuffer();
            }
            const encoder = pipeline.device.createCommandEncoder(PrepareDescriptor);
            pipeline.prepareCrowd(encoder, view.members, view.buffers, view.settings, ordered);
            Submit(pipeline.device, encoder);
        }
        view.frameId = engine.frameId;
        return view;
    }

    /** Frees all of them; they are made again, at the size that is needed then. */
    public release(): void {
        this._release(() => true);
    }

    /** Frees all of them for good. */
    public dispose(): void {
        this._onCameraRemoved?.remove();
        this.release();
    }

    private get _engine(): WebGPUEngine {
        return this._scene.getEngine() as WebGPUEngine;
    }

    /** Makes the view of a camera in the render pass under way, and frees those that are no longer rendered. */
    private _create(camera: Camera, key: number, device: GPUDevice): SplatView {
        const idleSince = this._engine.frameId - IdleFrames;
        this._release((other) => other.frameId < idleSince);
        const buffers = new ViewBuffers(device, this.room, 2 * this._members.length);
        const view = new SplatView(camera, buffers, this._levelsOf(camera));
        this._views.set(key, view);
        this._list();
        return view;
    }

    private _list(): void {
        (this.all as SplatView[]).splice(0, this.all.length, ...this._views.values());
    }

    private _keyOf(camera: Camera): number {
        return camera.uniqueId * 65536 + this._engine.currentRenderPassId;
    }

    /**
     * The eye of the same head that was sorted in this frame and in whose order a view can be drawn: one sort per head
     * pose.
     */
    private _otherEyeOf(view: SplatView): SplatView | null {
        if (view.settings.keepOffScreen) {
            for (let at = 0; at < this.all.length; at++) {
                const other = this.all[at];
                if (
                    other !== view &&
                    other.frameId === this._engine.frameId &&
                    other.ordered === other.buffers &&
                    view.seesInOrderOf(other)
                ) {
                    return other;
                }
            }
        }
        return null;
    }

    /** Eyes of one head show the same levels, else they could not share an order. */
    private _levelsOf(camera: Camera): ShownLevels {
        const { rigParent } = camera;
        const isEye = (rigParent?.rigCameras.length ?? 0) > 1;
        const owner = isEye ? rigParent! : camera;
        const pass = isEye ? 0 : this._engine.currentRenderPassId;
        const passes = this._levels.get(owner) ?? new Map<number, ShownLevels>();
        this._levels.set(owner, passes);
        const levels = passes.get(pass) ?? new WeakMap();
        passes.set(pass, levels);
        return levels;
    }

    private _release(which: (view: SplatView) => boolean): void {
        const engine = this._engine;
        for (const [key, view] of this._views) {
            if (which(view)) {
                if (view.frameId === engine.frameId && !engine.isDisposed) {
                    engine.flushFramebuffer(); // its draw of this frame must be on the queue before its buffers go
                }
                this._views.delete(key);
                view.buffers.dispose();
            }
        }
        this._list();
    }
}
