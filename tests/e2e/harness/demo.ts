/**
 * `window.flexDemo`: what scripts/demo.mjs and the end-to-end tests ask of this page. It renders single
 * frames of a chosen size and counts what the frame cost at the WebGPU interface itself, so the numbers do not depend
 * on our own statistics.
 */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { Color4 } from "@babylonjs/core/Maths/math.color";
import { Matrix, Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarComponent, type FlexAvatar, type IRuntimeProgress, type PhotoSource } from "babylon-flexavatar";
import { HeadCenter, type IStage } from "./stage";
import { WithoutWebGpu } from "./withoutWebGpu";

/** What {@link FlexDemo.createAsync} measured. */
export interface ICreated {
    totalMs: number;
    /** Sessions made and run: the stages "reconstruct" and "prepare". */
    networksMs: number;
    /** From the first picture until the photo's own detail was there. */
    refineMs: number;
    /** Longest task of the page while it was refined, milliseconds; 0 if none was longer than 50. */
    longestTaskMs: number;
    /** The stages of the library: load, photos, fit, reconstruct, prepare. */
    stages: { name: string; ms: number }[];
    backend: string | null;
    adapter: string;
    gaussianCount: number;
    /** Bytes of models and head model. */
    modelBytes: number;
    notices: string[];
}

/** GPU work since {@link WatchGpu} or the last `reset`. */
export interface IGpuCounts {
    dispatches: number;
    draws: number;
    submits: number;
    readBacks: number;
}

/** Counts calls at the WebGPU interface of this page. */
function WatchGpu(): { counts: IGpuCounts; reset(): void } {
    const counts: IGpuCounts = { dispatches: 0, draws: 0, submits: 0, readBacks: 0 };
    const count = (prototype: object, names: readonly string[], what: keyof IGpuCounts) => {
        const methods = prototype as Record<string, (...parameters: unknown[]) => unknown>;
        for (const name of names) {
            const original = methods[name];
            methods[name] = function (this: unknown, ...parameters: unknown[]) {
                counts[what]++;
                return original.apply(this, parameters);
            };
        }
    };
    count(GPUComputePassEncoder.prototype, ["dispatchWorkgroups", "dispatchWorkgroupsIndirect"], "dispatches");
    count(GPURenderPassEncoder.prototype, ["draw", "drawIndexed", "drawIndirect", "drawIndexedIndirect"], "draws");
    count(GPUQueue.prototype, ["submit"], "submits");
    count(GPUBuffer.prototype, ["mapAsync"], "readBacks");
    return { counts, reset: () => Object.assign(counts, { dispatches: 0, draws: 0, submits: 0, readBacks: 0 }) };
}

/** A picture with the words under it. */
export interface ITile {
    label: string;
    /** Data URL. */
    picture: string;
    /** Columns it spans, default 1. */
    columns?: number;
}

/**
 * The frame of a clip at which a track is largest.
 * @returns frame and the value there
 */
function FindPeak(clip: AnimationGroup, trackName: string): { frame: number; value: number } {
    let best = { frame: clip.from, value: -Infinity };
    for (const { animation, target } of clip.targetedAnimations) {
        if ((target as { name?: string }).name === trackName) {
            for (const { frame, value } of animation.getKeys() as { frame: number; value: number }[]) {
                if (value > best.value) {
                    best = { frame, value };
                }
            }
        }
    }
    return best;
}

/** Draws rows of square tiles with labels; pictures keep their shape on a dark ground. */
async function ComposeSheetAsync(title: string, rows: readonly (readonly ITile[])[], tilePx: number): Promise<string> {
    const gap = 8;
    const labelPx = 34;
    const titlePx = 54;
    const columns = Math.max(...rows.map((row) => row.reduce((sum, tile) => sum + (tile.columns ?? 1), 0)));
    const sheet = document.createElement("canvas");
    sheet.width = columns * (tilePx + gap) + gap;
    sheet.height = titlePx + rows.length * (tilePx + labelPx + gap) + gap;
    const context = sheet.getContext("2d") as CanvasRenderingContext2D;
    context.fillStyle = "#14171c";
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.textBaseline = "middle";
    context.fillStyle = "#e6e9ee";
    context.font = "600 24px system-ui, sans-serif";
    context.fillText(title, gap + 4, titlePx / 2 + 2);
    context.font = "18px system-ui, sans-serif";
    for (const [rowIndex, row] of rows.entries()) {
        let column = 0;
        for (const tile of row) {
            const image = new Image();
            image.src = tile.picture;
            await image.decode();
            const span = tile.columns ?? 1;
            const width = span * tilePx + (span - 1) * gap;
            const x = gap + column * (tilePx + gap);
            const y = titlePx + gap + rowIndex * (tilePx + labelPx + gap);
            const scale = Math.min(width / image.naturalWidth, tilePx / image.naturalHeight);
            const [drawnWidth, drawnHeight] = [image.naturalWidth * scale, image.naturalHeight * scale];
            context.fillStyle = "#22262d";
            context.fillRect(x, y, width, tilePx);
            context.drawImage(
                image,
                x + (width - drawnWidth) / 2,
                y + (tilePx - drawnHeight) / 2,
                drawnWidth,
                drawnHeight,
            );
            context.fillStyle = "#c3cad4";
            context.fillText(tile.label, x + 4, y + tilePx + labelPx / 2, width - 8);
            column += span;
        }
    }
    return sheet.toDataURL("image/png");
}

/** A blob as text that survives the way out of the page. */
export function ToDataUrlAsync(blob: Blob): Promise<string> {
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result as string);
        reader.onerror = () => reject(reader.error);
        reader.readAsDataURL(blob);
    });
}

/**
 * What stays in a scene after a failed or disposed avatar must equal what was there before: everything countable in it.
 */
export function CountScene(scene: Scene): Record<string, number> {
    const engine = scene.getEngine();
    return {
        meshes: scene.meshes.length,
        materials: scene.materials.length,
        textures: scene.textures.length,
        geometries: scene.geometries.length,
        transformNodes: scene.transformNodes.length,
        animationGroups: scene.animationGroups.length,
        rootNodes: scene.rootNodes.length,
        beforeRender: scene.onBeforeRenderObservable.observers.length,
        afterRender: scene.onAfterRenderObservable.observers.length,
        beforeAnimations: scene.onBeforeAnimationsObservable.observers.length,
        beforeCameraRender: scene.onBeforeCameraRenderObservable.observers.length,
        dispose: scene.onDisposeObservable.observers.length,
        engine: engine.onBeginFrameObservable.observers.length + engine.onEndFrameObservable.observers.length,
    };
}

/** Everything scripts may use. */
export class FlexDemo {
    public readonly stage: IStage;
    public readonly component: FlexAvatarComponent;
    /** The clip as loaded, with morph targets as targets. */
    public readonly clip: AnimationGroup;
    public readonly gpu = WatchGpu();
    public avatar: FlexAvatar | null = null;
    private readonly _photoCamera: FreeCamera;
    private readonly _backdrop: Color4;
    private readonly _notices: string[] = [];
    private _bound: AnimationGroup | null = null;

    public constructor(stage: IStage, component: FlexAvatarComponent, clip: AnimationGroup) {
        this.stage = stage;
        this.component = component;
        this.clip = clip;
        this._photoCamera = new FreeCamera("photo", Vector3.Zero(), stage.scene);
        this._backdrop = stage.scene.clearColor;
        stage.scene.activeCamera = stage.camera;
        component.onNoticeObservable.add(({ code, message }) => this._notices.push(`${code}: ${message}`));
    }

    /**
     * Photos to avatar, with the time of every stage. The avatar becomes the one that later frames show.
     * @param photos addresses relative to the page, or anything else the library takes
     * @param onProgress told about every stage
     */
    public async createAsync(
        photos: readonly PhotoSource[],
        onProgress?: (progress: IRuntimeProgress) => void,
    ): Promise<ICreated> {
        // The surroundings are drawn once before, as on a page that is already open: Babylon fetches its own shaders
        // when first needed.
        await this.stage.scene.whenReadyAsync();
        this.renderFrame();
        const start = performance.now();
        const avatar = await this.component.createFromPhotosAsync(photos, { onProgress });
        this.show(avatar);
        await avatar.whenReadyAsync();
        this.renderFrame();
        const totalMs = performance.now() - start;
        let longestTaskMs = 0;
        const tasks = new PerformanceObserver((list) => {
            list.getEntries().forEach(({ duration }) => (longestTaskMs = Math.max(longestTaskMs, duration)));
        });
        tasks.observe({ type: "longtask" });
        await avatar.whenRefinedAsync();
        const refineMs = performance.now() - start - totalMs;
        tasks.disconnect();
        const { stageMs, bytes } = this.component.statistics;
        const info = this.stage.engine._device.adapterInfo;
        return {
            totalMs: Math.round(totalMs),
            refineMs: Math.round(refineMs),
            longestTaskMs: Math.round(longestTaskMs),
            networksMs: Math.round(stageMs.reconstruct + stageMs.prepare),
            backend: this.component.backend,
            adapter: [info.vendor, info.architecture, info.description].filter(Boolean).join(" "),
            gaussianCount: avatar.gaussianCount,
            modelBytes: bytes,
            notices: [...this._notices],
            stages: Object.entries(stageMs).map(([name, ms]) => ({ name, ms: Math.round(ms) })),
        };
    }

    /** Takes over an avatar: later frames show it, on the pedestal. */
    public show(avatar: FlexAvatar | null): void {
        this._bound?.dispose();
        this._bound = null;
        this.avatar?.dispose();
        this.avatar = avatar;
        avatar?.position.copyFrom(HeadCenter);
    }

    /** Only the avatar, before the scene's backdrop or before the grey that surrounds the person in a crop. */
    public showAlone(background: "backdrop" | "crop" = "backdrop"): void {
        this.stage.setSurroundings(false);
        this.stage.scene.clearColor = background === "crop" ? new Color4(0.5, 0.5, 0.5, 1) : this._backdrop;
    }

    /**
     * Avatar, boxes and the mesh character, which stands in front of it (seen from the camera), behind it or beside it.
     */
    public showMixed(place: "front" | "behind" | "beside"): void {
        const { character } = this.stage;
        this.stage.setSurroundings(true);
        this.stage.scene.clearColor = this._backdrop;
        if (character) {
            const [x, z] = { front: [-0.17, 0.36], behind: [-0.1, -0.4], beside: [-0.5, -0.25] }[place];
            character.position.set(x, 0, z);
        }
        this.look(6, 3, 1.45);
    }

    /** Frame of the clip at which a track is largest. */
    public peakFrame(trackName: string): number {
        return FindPeak(this.clip, trackName).frame;
    }

    /**
     * Plays the clip for some frames as a page does (nothing waits for the GPU) and says what a frame costs.
     * @param frames how many to measure, after two to warm up
     */
    public async measureFramesAsync(frames: number): Promise<IGpuCounts & { frames: number; cpuMs: number }> {
        this.goToFrame(this.clip.from);
        this._bound!.play(true);
        const nextTask = () => new Promise((resolve) => setTimeout(resolve, 0));
        for (let index = 0; index < 2; index++) {
            this.renderFrame();
            await nextTask();
        }
        this.gpu.reset();
        let cpuMs = 0;
        for (let index = 0; index < frames; index++) {
            const start = performance.now();
            this.renderFrame();
            cpuMs += performance.now() - start;
            await nextTask();
        }
        this._bound!.pause();
        const { dispatches, draws, submits, readBacks } = this.gpu.counts;
        const perFrame = (value: number) => Math.round((value / frames) * 100) / 100;
        return {
            frames,
            dispatches: perFrame(dispatches),
            draws: perFrame(draws),
            submits: perFrame(submits),
            readBacks: perFrame(readBacks),
            cpuMs: perFrame(cpuMs),
        };
    }

    /** The avatar's file as a data URL. */
    public async saveAsDataUrlAsync(): Promise<string> {
        return ToDataUrlAsync(new Blob([await this._requireAvatar().saveAsync()]));
    }

    /** See {@link ComposeSheetAsync}. */
    public readonly composeSheetAsync = ComposeSheetAsync;

    /** See {@link CountScene}. */
    public countScene(scene: Scene = this.stage.scene): Record<string, number> {
        return CountScene(scene);
    }

    /** A component of its own on a new scene of the same engine, for tests that must not share loaded models. */
    public newComponent(modelsUrl = this.component.options.modelsUrl): FlexAvatarComponent {
        const scene = new Scene(this.stage.engine);
        return FlexAvatarComponent.GetOrCreate(scene, { ...this.component.options, modelsUrl });
    }

    /** The crop of the first photo as the networks got it, as a data URL. */
    public async cropPictureAsync(): Promise<string | null> {
        const { thumbnail } = this._requireAvatar().description;
        return thumbnail
            ? await ToDataUrlAsync(new Blob([thumbnail as Uint8Array<ArrayBuffer>], { type: "image/png" }))
            : null;
    }

    /** Poses the avatar and the camera as the landmark fit found them in the first photo. */
    public poseAsInPhoto(): void {
        this.pose();
        const avatar = this._requireAvatar();
        const { camera, expression } = avatar.description.fit.photos[0];
        expression.forEach((weight, index) => (avatar.expression.getTarget(index).influence = weight));
        // The fit gives camera-from-canonical q = R p + t with +Z towards the viewer, so the camera stands at −Rᵀt and
        // looks along −RᵀZ.
        avatar.computeWorldMatrix(true);
        // The avatar's world with canonical axes: in a left-handed scene their x points the other way.
        const world = avatar.computeWorldMatrix(true).clone();
        if (!this.stage.scene.useRightHandedSystem) {
            world.setRow(0, world.getRow(0)!.scale(-1));
        }
        const [x, y, z, w] = camera.rotation;
        const toCanonical = new Quaternion(-x, -y, -z, w);
        const [tx, ty, tz] = camera.translation;
        const place = new Vector3(-tx, -ty, -tz).applyRotationQuaternion(toCanonical);
        const axis = (z: number, y: number) =>
            Vector3.TransformNormal(new Vector3(0, y, z).applyRotationQuaternion(toCanonical), world);
        Vector3.TransformCoordinatesToRef(place, world, this._photoCamera.position);
        const view = Matrix.LookAtLH(
            this._photoCamera.position,
            this._photoCamera.position.add(axis(-1, 0)),
            axis(0, 1),
        );
        this._photoCamera.rotationQuaternion = Quaternion.FromRotationMatrix(view.invert());
        this._photoCamera.fov = 2 * Math.atan(0.5 / camera.focal);
        this._photoCamera.minZ = 0.05;
        this.stage.scene.activeCamera = this._photoCamera;
    }

    /** See {@link IStage.look}. */
    public look(yawDegrees: number, pitchDegrees?: number, distance?: number): void {
        this.stage.scene.activeCamera = this.stage.camera;
        this.stage.look(yawDegrees, pitchDegrees, distance);
    }

    /** Close enough that the face fills the picture, meters. */
    public readonly closeUpDistance = 0.7;

    /** Puts every track to 0 and the joints to rest, or to the values of the clip at a frame (tracks only). */
    public pose(frame?: number): void {
        this._bound?.stop();
        const avatar = this._requireAvatar();
        avatar.resetPose();
        const { expression } = avatar;
        if (frame !== undefined) {
            for (const { animation, target } of this.clip.targetedAnimations) {
                const track = expression.getTargetByName((target as { name: string }).name);
                if (track && animation.targetProperty === "influence") {
                    track.influence = animation.evaluate(frame) as number;
                }
            }
        }
    }

    /** Poses the avatar by its bound animation group, as `npm start` plays it: tracks and head. */
    public goToFrame(frame: number): void {
        this._bound ??= this._requireAvatar().bindAnimationGroup(this.clip);
        this._bound.start(false, 1, this._bound.from, this._bound.to);
        this._bound.goToFrame(frame);
        this._bound.pause();
    }

    /**
     * Renders the scene once, exactly as posed, and returns the picture.
     * @param width pixels
     * @param height pixels
     */
    public async captureAsync(width: number, height = width): Promise<string> {
        const { engine, scene } = this.stage;
        if (engine.getRenderWidth() !== width || engine.getRenderHeight() !== height) {
            engine.setSize(width, height);
        }
        await this.avatar?.evaluateAsync();
        await scene.whenReadyAsync();
        this.renderFrame();
        return (engine.getRenderingCanvas() as HTMLCanvasElement).toDataURL("image/png");
    }

    /** The avatar as its saved file shows it on an engine without WebGPU. */
    public async openWithoutWebGpuAsync(): Promise<WithoutWebGpu> {
        const { stage, clip, component } = this;
        return await WithoutWebGpu.OpenAsync(stage, clip, component, await this._requireAvatar().saveAsync());
    }

    /** One frame of the engine, as the render loop makes it. */
    public renderFrame(): void {
        const { engine, scene } = this.stage;
        engine.beginFrame();
        scene.render();
        engine.endFrame();
    }

    private _requireAvatar(): FlexAvatar {
        if (!this.avatar) {
            throw new Error("There is no avatar yet.");
        }
        return this.avatar;
    }
}

declare global {
    interface Window {
        flexDemo?: FlexDemo;
    }
}
