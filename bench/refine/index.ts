/**
 * `window.refineBench`: two avatars of the bundled portrait, one as the networks made it and one refined, whose frames
 * are timed in turns; refinements of one and more photos; and one pass of the solver on the processor and in WGSL.
 */
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Scene } from "@babylonjs/core/scene";
import { FlexAvatarComponent, GetFlexAvatarEngineOptions, type FlexAvatar } from "babylon-flexavatar";
import type { ICloseUp } from "../../src/runtime/closeUp";
import { GpuWeigher } from "../../src/runtime/passes/refine/gpuWeigher";
import { ProjectView } from "../../src/runtime/refine/projectView";
import { RefineColors } from "../../src/runtime/refine/refineColors";
import type { IRefineInput } from "../../src/runtime/refine/refineInput";
import { RefineBesideAsync } from "../../src/runtime/beside/besideRunner";
import { Finish, FinishAsync, type Work } from "../../src/runtime/slices";
import { BuildSplatWeights } from "../../src/runtime/refine/splatWeights";
import type { ISplatWeights } from "../../src/runtime/refine/weigher";

const Photo = "/samples/assets/astronaut.png";
/** Height of the head in meters, and the camera's angle from top to bottom. */
const HeadMeters = 0.25;
const ViewAngle = 0.5;

/** Detail for close-ups as dense as a photo's; the bundled portrait is too small to have its own. */
const ShadesEdge = 1024;
const Shades: ICloseUp = {
    edge: ShadesEdge,
    shades: Int8Array.from({ length: ShadesEdge ** 2 }, (_, i) => 25 * Math.sin(12.9898 * i)),
};

let engine: WebGPUEngine;
let scene: Scene;
let plain: FlexAvatar;
let refined: FlexAvatar;
/** What the solver was given, kept by {@link RefineBench.keepInputAsync} alone. */
let input: IRefineInput;
let keepsInput = false;
let work: Work<unknown> | undefined;
let solveMs = 0;

async function TimeAsync(work: () => Promise<unknown>): Promise<number> {
    const start = performance.now();
    await work();
    return performance.now() - start;
}

/** One pass of the solver: a picture, what is missing in each pixel, and its transpose. */
async function PassAsync(weights: ISplatWeights, count: number): Promise<number> {
    const colors = new Float32Array(3 * count).fill(0.5);
    const missing = (_pixel: number, drawn: Float32Array, values: Float32Array, at: number): void => {
        for (let channel = 0; channel < 3; channel++) {
            values[3 * at + channel] = 0.4 * drawn[4 * at + 3] - drawn[4 * at + channel];
        }
    };
    return await TimeAsync(() => FinishAsync(weights.pass(colors, missing, new Float32Array(3 * count))));
}

/** What the page offers. */
export const RefineBench = {
    async createAsync(): Promise<{ gaussians: number; adapter: string }> {
        engine = new WebGPUEngine(document.querySelector("canvas")!, GetFlexAvatarEngineOptions());
        await engine.initAsync();
        scene = new Scene(engine);
        const camera = new FreeCamera("camera", new Vector3(0, 0, 1), scene);
        camera.setTarget(Vector3.Zero());
        camera.fov = ViewAngle;
        camera.minZ = 0.01;
        const component = FlexAvatarComponent.GetOrCreate(scene, {
            modelsUrl: "/assets/models/",
            runtimeUrls: "/node_modules/onnxruntime-web/dist/",
            _services: {
                refineAsync: async (given, run) => {
                    if (keepsInput) {
                        input = structuredClone(given);
                    }
                    const start = performance.now();
                    const result = await RefineBesideAsync(given, run);
                    solveMs = performance.now() - start;
                    return result;
                },
            },
        });
        plain = await component.createFromPhotosAsync([Photo], { refine: false });
        refined = await component.createFromPhotosAsync([Photo], { refine: false });
        await Promise.all([plain.whenReadyAsync(), refined.whenReadyAsync()]);
        const { vendor, architecture } = engine._device.adapterInfo;
        return { gaussians: plain.gaussianCount, adapter: `${vendor} ${architecture}` };
    },

    /** Refines the second avatar. @returns milliseconds of it all, photos and driver included, and of the solver */
    async refineAsync(photos: number): Promise<{ ms: number; solveMs: number }> {
        const list = Array.from({ length: photos }, () => Photo);
        return { ms: await TimeAsync(() => refined.refineAsync(list, { fadeSeconds: 0 })), solveMs };
    },

    /**
     * Milliseconds of a frame of either avatar, to the end of the GPU's work. @param headPx height of the head in the
     * picture of 512
     */
    async frameAsync(shown: "plain" | "refined" | "closeUp", headPx: number, turn: number): Promise<number> {
        plain.setEnabled(shown === "plain");
        refined.setEnabled(shown !== "plain");
        refined["_core"].maps.showCloseUp(shown === "closeUp" ? Shades : null, 1);
        const distance = (512 * HeadMeters) / (2 * headPx * Math.tan(ViewAngle / 2));
        const camera = scene.activeCamera as FreeCamera;
        camera.position.set(distance * Math.sin(turn), 0, distance * Math.cos(turn));
        camera.setTarget(Vector3.Zero());
        return await TimeAsync(async () => {
            engine.beginFrame();
            scene.render();
            engine.endFrame();
            await engine._device.queue.onSubmittedWorkDone();
        });
    },

    /** Refines again, and keeps what the solver was given. */
    async keepInputAsync(photos: number): Promise<void> {
        keepsInput = true;
        await RefineBench.refineAsync(photos);
    },

    /** Begins a refinement on the page with a copy of that input, as a worker has one. */
    startSolver(): void {
        work = RefineColors(structuredClone(input), {}, { takesInput: true });
    },

    /** Goes on with it. @param share where to stop @returns whether there is more to do */
    stepSolver(share: number): boolean {
        for (let step = work!.next(); !step.done; step = work!.next()) {
            if (typeof step.value === "number" && step.value >= share) {
                return true;
            }
        }
        work = undefined;
        return false;
    },

    /** Milliseconds of making w and of one pass, on the processor and in WGSL on this adapter. */
    async passesAsync(): Promise<Record<"processor" | "wgsl", { buildMs: number; passMs: number; bytes: number }>> {
        const view = input.views[0];
        const count = input.table.gaussianCount;
        const ellipses = Finish(ProjectView(input.table, input.staticMap, view));
        const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
        const weigher = await GpuWeigher.CreateAsync(device);
        const measureAsync = async (
            weigh: typeof weigher.weigh,
        ): Promise<{ buildMs: number; passMs: number; bytes: number }> => {
            let weights: ISplatWeights | undefined;
            const buildMs = await TimeAsync(async () => (weights = await FinishAsync(weigh(ellipses, view.size))));
            const passMs = await PassAsync(weights!, count);
            const bytes = weights!.byteLength;
            weights!.dispose();
            return { buildMs, passMs, bytes };
        };
        const found = { processor: await measureAsync(BuildSplatWeights), wgsl: await measureAsync(weigher.weigh) };
        weigher.dispose();
        device.destroy();
        return found;
    },
};

declare global {
    interface Window {
        refineBench: typeof RefineBench;
    }
}

window.refineBench = RefineBench;
