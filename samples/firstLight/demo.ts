/**
 * `window.flexDemo`: what scripts/demo.mjs and the end-to-end tests ask of this page when it is opened with `?demo`.
 * It renders single frames of a chosen size and counts what the frame cost at the WebGPU interface itself, so the numbers do not depend on our own statistics.
 */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import type { Node } from "@babylonjs/core/node";
import type { FlexAvatar, FlexAvatarComponent } from "babylon-flexavatar";
import * as flexAvatar from "babylon-flexavatar";
import type { IStage } from "./stage";

/** GPU work since {@link WatchGpu} or the last `reset`. */
export interface IGpuCounts {
    dispatches: number;
    draws: number;
    submits: number;
    readBacks: number;
}

/** Counts calls at the WebGPU interface of this page. */
export function WatchGpu(): { counts: IGpuCounts; reset(): void } {
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
export function FindPeak(clip: AnimationGroup, trackName: string): { frame: number; value: number } {
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
export async function ComposeSheetAsync(title: string, rows: readonly (readonly ITile[])[], tilePx: number): Promise<string> {
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
            context.drawImage(image, x + (width - drawnWidth) / 2, y + (tilePx - drawnHeight) / 2, drawnWidth, drawnHeight);
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

/** What stays in a scene after a failed or disposed avatar must equal what was there before: everything countable in it. */
export function CountScene(stage: IStage): Record<string, number> {
    const { scene } = stage;
    const observers = (names: readonly string[]) =>
        Object.fromEntries(
            names.map((name) => [name, (scene as unknown as Record<string, { observers: unknown[] }>)[name].observers.length]),
        );
    return {
        meshes: scene.meshes.length,
        materials: scene.materials.length,
        textures: scene.textures.length,
        transformNodes: scene.transformNodes.length,
        animationGroups: scene.animationGroups.length,
        rootNodes: scene.rootNodes.length,
        ...observers([
            "onBeforeRenderObservable",
            "onAfterRenderObservable",
            "onBeforeAnimationsObservable",
            "onBeforeCameraRenderObservable",
            "onDisposeObservable",
        ]),
        engineObservers: stage.engine.onBeginFrameObservable.observers.length + stage.engine.onEndFrameObservable.observers.length,
    };
}

/** Everything scripts may use. */
export class FlexDemo {
    public readonly stage: IStage;
    public readonly component: FlexAvatarComponent;
    /** The clip as loaded, with morph targets as targets. */
    public readonly clip: AnimationGroup;
    /** The package, for tests that call it directly. */
    public readonly library = flexAvatar;
    public readonly gpu = WatchGpu();
    public avatar: FlexAvatar | null = null;
    private _bound: AnimationGroup | null = null;

    public constructor(stage: IStage, component: FlexAvatarComponent, clip: AnimationGroup) {
        this.stage = stage;
        this.component = component;
        this.clip = clip;
    }

    /**
     * Photos to avatar, with the time of every stage. The avatar becomes the one that later frames show.
     * @param photos addresses relative to the page, or anything else the library takes
     * @param onProgress told about every stage
     */
    public async createAsync(photos: readonly PhotoSource[], onProgress?: (progress: IRuntimeProgress) => void): Promise<ICreated> {
        const stages = new Map<string, { startMs: number; endMs: number }>();
        const start = performance.now();
        const avatar = await this.component.createFromPhotosAsync(photos, {
            onProgress: (progress) => {
                const now = performance.now();
                const stage = stages.get(progress.stage) ?? { startMs: now, endMs: now };
                stage.endMs = now;
                stages.set(progress.stage, stage);
                onProgress?.(progress);
            },
        });
        const totalMs = performance.now() - start;
        this.show(avatar);
        return {
            totalMs: Math.round(totalMs),
            stages: Array.from(stages, ([name, { startMs, endMs }]) => ({ name, ms: Math.round(endMs - startMs) })),
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

    /** Only the avatar, with nothing around it. */
    public showAlone(): void {
        this.stage.setSurroundings(false);
    }

    /** Avatar, boxes and the mesh character, which stands in front of it (seen from the camera), behind it or beside it. */
    public showMixed(place: "front" | "behind" | "beside"): void {
        const { character } = this.stage;
        this.stage.setSurroundings(true);
        if (character) {
            const [x, z] = { front: [-0.3, 0.55], behind: [-0.28, -0.55], beside: [0.62, -0.25] }[place];
            character.position.set(x, 0, z);
        }
        this.stage.look(10, 3, 2.2);
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
        return ToDataUrlAsync(await this._requireAvatar().saveAsync());
    }

    /** See {@link ComposeSheetAsync}. */
    public readonly composeSheetAsync = ComposeSheetAsync;

    /** See {@link CountScene}. */
    public countScene(): Record<string, number> {
        return CountScene(this.stage);
    }

    /** Close enough that the face fills the picture, meters. */
    public readonly closeUpDistance = 0.85;

    /** Puts every track to 0 and the joints to rest, or to the values of the clip at a frame (tracks only). */
    public pose(frame?: number): void {
        this._bound?.stop();
        const { expression, neck, jaw, leftEye, rightEye } = this._requireAvatar();
        for (let index = 0; index < expression.numTargets; index++) {
            expression.getTarget(index).influence = 0;
        }
        for (const node of [neck, jaw, leftEye, rightEye]) {
            node.rotationQuaternion = null;
            node.rotation.setAll(0);
        }
        if (frame !== undefined) {
            for (const { animation, target } of this.clip.targetedAnimations) {
                const track = expression.getTargetByName((target as Node).name);
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
