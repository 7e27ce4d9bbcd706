/** Faces that the browser's camera drives, in steps that the runner calls: how late they are, and what they look like. */
import { ArcRotateCamera } from "@babylonjs/core/Cameras/arcRotateCamera";
import type { AbstractEngine } from "@babylonjs/core/Engines/abstractEngine";
import { Engine } from "@babylonjs/core/Engines/engine";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { Color4 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import { CameraSource, FlexAvatarComponent, GetFlexAvatarEngineOptions, type ISourceHandle } from "babylon-flexavatar";
import type { AvatarEvaluator } from "../../src/runtime/driver/avatarEvaluator";

/**
 * What draws: splats on WebGPU, the mesh on WebGL; or splats of which nothing reaches the graphics card, so that all of
 * the page's work is left without the software rasterizer's.
 */
export type LiveKind = "splats" | "mesh" | "undrawn";

/** Parts of a sample's way, milliseconds, in the order of a record. */
export const LiveParts = ["capture", "networks", "fit", "wait", "frame", "page", "drawing"] as const;

/** Parts of a run of the driver, milliseconds, in the order of a record. */
export const DriverParts = ["picture to its start", "run", "picture to its drawn map"] as const;

/** What was measured. */
interface ILiveMeasure {
    /** Per followed frame the {@link LiveParts}. */
    readonly frames: number[][];
    /** Per run of the driver the {@link DriverParts}. */
    readonly runs: number[][];
    readonly followed: number;
    readonly drawnFrames: number;
    readonly seconds: number;
    /** Milliseconds of each of the page's tasks over 50 ms. */
    readonly longTasks: number[];
}

interface IStage {
    readonly scene: Scene;
    readonly source: CameraSource;
    readonly handle: ISourceHandle;
    readonly notices: string[];
    /** Null where nothing is a splat. */
    readonly evaluator: AvatarEvaluator | null;
    /** Draws the frame on the page's side. */
    render(): void;
    /** Settles when what was submitted is drawn. */
    drawnAsync(): Promise<unknown>;
}

declare global {
    interface Window {
        /** Of the runner: prints what is being done. */
        tell(text: string): void;
    }
}

let stage: IStage;
/** Told after each drawn frame was submitted, and then how long it took to be drawn. */
let onFrame: (() => ((drawingMs: number) => void) | undefined) | null = null;
const longTasks: number[] = [];

/**
 * Makes a face and gives it the camera.
 * @param person address of a photo or of a saved avatar
 */
async function OpenLiveAsync(kind: LiveKind, person: string, width: number, height: number): Promise<void> {
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: "longtask",
    });
    stage = await AvatarAsync(kind, person, width, height);
    Draw(stage);
    const { source } = stage;
    await new Promise<void>((resolve, reject) => {
        source.onStateObservable.add((state) => {
            window.tell(`the camera is ${state}`);
            if (state === "following") {
                resolve();
            } else if (state === "failed" || state === "ended") {
                reject(new Error(stage.notices.join("\n")));
            }
        });
    });
}

/**
 * Draws from now on, one frame after the other: without a graphics card a browser takes frames faster than it draws
 * them, and everything that waits for a frame waits for all that were taken before.
 */
function Draw({ scene, render, drawnAsync }: IStage): void {
    const engine = scene.getEngine();
    let [isDrawing, isSubmitted] = [false, false];
    engine.runRenderLoop(() => {
        if (!isDrawing) {
            render();
            isSubmitted = true;
        }
    });
    engine.onEndFrameObservable.add(() => {
        if (isSubmitted) {
            isSubmitted = false;
            isDrawing = true;
            const start = performance.now();
            const onDrawn = onFrame?.();
            void drawnAsync().then(() => {
                isDrawing = false;
                onDrawn?.(performance.now() - start);
            });
        }
    });
}

async function AvatarAsync(kind: LiveKind, person: string, width: number, height: number): Promise<IStage> {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    document.body.append(canvas);
    const engine = kind === "mesh" ? new Engine(canvas, true) : await WebGpuAsync(canvas);
    const scene = new Scene(engine);
    scene.clearColor = new Color4(0.3, 0.32, 0.35, 1);
    const camera = new ArcRotateCamera("camera", Math.PI / 2, Math.PI / 2, 0.75, new Vector3(0, 0, 0), scene);
    camera.minZ = 0.05;
    camera.fov = 0.55;
    const component = FlexAvatarComponent.GetOrCreate(scene, { modelsUrl: "/models/", runtimeUrls: "/runtime/" });
    const notices: string[] = [];
    component.onNoticeObservable.add(({ code, message }) => notices.push(`${code}: ${message}`));
    let last = "";
    const onProgress = ({ stage: name }: { stage: string }): void => {
        if (name !== last) {
            last = name;
            window.tell(name);
        }
    };
    const avatar = person.endsWith(".flexavatar")
        ? await component.loadAsync(person, { onProgress })
        : await component.createFromPhotosAsync([person], { refine: false, bust: "none", onProgress });
    camera.setTarget(avatar.neck.getAbsolutePosition().add(new Vector3(0, 0.1, 0)));
    camera.alpha = Math.PI / 2;
    camera.beta = Math.PI / 2;
    camera.radius = 0.75;
    await scene.whenReadyAsync();
    await avatar.whenReadyAsync();
    if (kind === "undrawn") {
        GPUQueue.prototype.submit = () => undefined;
    }
    const source = await CameraSource.OpenAsync();
    const handle = avatar.addSource(source);
    const drawnAsync = (): Promise<unknown> => DrawnAsync(engine);
    const evaluator = avatar._internals.splats;
    return { scene, source, handle, notices, evaluator, render: () => scene.render(), drawnAsync };
}

async function WebGpuAsync(canvas: HTMLCanvasElement): Promise<WebGPUEngine> {
    const engine = new WebGPUEngine(canvas, GetFlexAvatarEngineOptions());
    await engine.initAsync();
    return engine;
}

function DrawnAsync(engine: AbstractEngine): Promise<unknown> {
    if (engine instanceof WebGPUEngine) {
        return engine._device.queue.onSubmittedWorkDone();
    }
    const gl = (engine as Engine)._gl as WebGL2RenderingContext;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0)!;
    gl.flush();
    return new Promise<void>((resolve) => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
            if (gl.getSyncParameter(fence, gl.SYNC_STATUS) === gl.SIGNALED) {
                gl.deleteSync(fence);
                resolve();
            } else {
                setTimeout(() => channel.port2.postMessage(0), 1);
            }
        };
        channel.port2.postMessage(0);
    });
}

/**
 * Follows and draws until so many frames of the camera were drawn.
 * @param parts whether each frame's way is written down, which allocates
 */
async function MeasureLiveAsync(count: number, limitMs: number, parts: boolean): Promise<ILiveMeasure> {
    const { handle, source, evaluator } = stage;
    const frames: number[][] = [];
    const runs: number[][] = [];
    const { latency } = source;
    longTasks.length = 0;
    const start = performance.now();
    let [drawn, followed, lastMs] = [0, 0, NaN];
    let [askedMs, startedAt, driverRuns] = [NaN, evaluator?.startedAt, evaluator?.counts.driverRuns];
    const onDriver = (): void => {
        if (!evaluator) {
            return;
        }
        if (evaluator.counts.driverRuns !== driverRuns) {
            driverRuns = evaluator.counts.driverRuns;
            if (askedMs === askedMs) {
                runs.push([startedAt! - askedMs, evaluator.runMs, performance.now() - askedMs]);
            }
        }
        if (evaluator.startedAt !== startedAt) {
            startedAt = evaluator.startedAt;
            askedMs = handle.sampledAtMs;
        }
    };
    await new Promise<void>((resolve) => {
        onFrame = () => {
            drawn++;
            if (parts) {
                onDriver();
            }
            const { sampledAtMs, latencyMs } = handle;
            const isNew = sampledAtMs !== lastMs && sampledAtMs === sampledAtMs;
            const isLast = followed + (isNew ? 1 : 0) >= count || performance.now() - start > limitMs;
            if (isLast) {
                onFrame = null;
                resolve();
            }
            if (!isNew) {
                return undefined;
            }
            lastMs = sampledAtMs;
            followed++;
            if (!parts) {
                return undefined;
            }
            const { captureMs, inferenceMs, fitMs, waitMs } = latency;
            const frameMs = latencyMs - captureMs - inferenceMs - fitMs - waitMs;
            const pageMs = performance.now() - sampledAtMs - latencyMs;
            return (drawingMs) => frames.push([captureMs, inferenceMs, fitMs, waitMs, frameMs, pageMs, drawingMs]);
        };
    });
    const seconds = (performance.now() - start) / 1000;
    return { frames, runs, followed, drawnFrames: drawn, seconds, longTasks: [...longTasks] };
}

/** Camera and avatar side by side, one row per look. @param seconds from now on at which to look */
async function LookLiveAsync(seconds: readonly number[]): Promise<string> {
    const { scene, source } = stage;
    const canvas = scene.getEngine().getRenderingCanvas()!;
    const start = performance.now();
    const sheet = Object.assign(document.createElement("canvas"), { width: 960, height: 360 * seconds.length });
    const context = sheet.getContext("2d")!;
    for (const [row, second] of seconds.entries()) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 * second - (performance.now() - start))));
        const shot = await createImageBitmap(source.video);
        // The face of this picture is drawn some frames later.
        await new Promise((resolve) => setTimeout(resolve, 250));
        await new Promise<void>((resolve) => scene.onAfterRenderObservable.addOnce(() => resolve()));
        const drawn = await createImageBitmap(canvas);
        context.drawImage(shot, 0, 360 * row, 480, 360);
        context.drawImage(drawn, 480, 360 * row, 480, 360);
    }
    return sheet.toDataURL("image/png");
}

/** What was told, and the camera off. */
function CloseLive(): string[] {
    stage.scene.getEngine().stopRenderLoop();
    stage.source.dispose();
    return stage.notices;
}

Object.assign(window, { live: { OpenLiveAsync, MeasureLiveAsync, LookLiveAsync, CloseLive } });
