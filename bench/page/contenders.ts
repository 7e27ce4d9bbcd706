/**
 * Who takes part, all behind one interface. Every contender has its own canvas and device and gets the same file,
 * camera path and clear color.
 */
import type { IViewSettings } from "../../src/runtime/passes";
import * as camera from "./camera";
import { PlyOf, SplatOf, type HeadKind, type IGaussians } from "./head";
import { ReadCanvasAsync, ReadTextureAsync } from "./offscreen";
import { Ours, RequestBenchDeviceAsync } from "./ours";

/** One renderer with the head loaded. */
export interface IContender {
    readonly version: string;
    /** Moves the camera to a frame of the path, draws, and resolves when the GPU is done. */
    frameAsync(frame: number): Promise<void>;
    /** False while what is drawn does not yet follow the camera. */
    isSettled?(): boolean;
    /** RGBA bytes of the last frame. */
    readAsync(): Promise<Uint8ClampedArray>;
    dispose(): void;
}

interface IPeerContext {
    canvas: HTMLCanvasElement;
    camera: typeof camera;
    ply: ArrayBuffer;
    splat: ArrayBuffer;
}

type PeerModule = {
    CreateAsync(context: IPeerContext, gpuSort?: boolean): Promise<Omit<IContender, "readAsync"> & Partial<IContender>>;
};

/** What a contender does in a frame, for the table. */
export interface IContenderInfo {
    readonly name: string;
    readonly license: string;
    readonly frame: string;
    /** Default: opaque. */
    readonly head?: HeadKind;
    createAsync(head: IGaussians): Promise<IContender>;
}

const peer =
    (load: () => Promise<unknown>, gpuSort?: boolean) =>
    async (head: IGaussians): Promise<IContender> => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = camera.SizePx;
        const module = (await load()) as PeerModule;
        const contender = await module.CreateAsync({ canvas, camera, ply: PlyOf(head), splat: SplatOf(head) }, gpuSort);
        return { readAsync: () => ReadCanvasAsync(canvas), ...contender };
    };

/** In the order of a round. */
export const Contenders: readonly IContenderInfo[] = [
    {
        name: "ours",
        license: "Apache-2.0",
        frame: "pose, skin, project, leave out what looks away or is hidden, sort, all on the GPU, every frame; draw",
        createAsync: (head) => CreateOursAsync(head),
    },
    {
        name: "ours, nothing left out",
        license: "Apache-2.0",
        frame: "as above, and the far side and all that is hidden too",
        createAsync: (head) => CreateOursAsync(head, { cullBackFaces: false, cullHidden: false }),
    },
    {
        name: "ours, translucent head",
        license: "Apache-2.0",
        frame: "another head: opacity 0.25 to 0.95, where the far side shows and nothing may be left out",
        head: "translucent",
        createAsync: (head) => CreateOursAsync(head),
    },
    {
        name: "playcanvas, CPU sort",
        license: "MIT",
        frame: "draw; the worker's order comes frames later",
        createAsync: peer(() => import("./peers/playcanvas.mjs"), false),
    },
    {
        name: "playcanvas, GPU sort",
        license: "MIT",
        frame: "project, sort, draw",
        createAsync: peer(() => import("./peers/playcanvas.mjs"), true),
    },
    {
        name: "@babylonjs/core, CPU sort",
        license: "Apache-2.0",
        frame: "draw; the worker's order comes frames later",
        createAsync: peer(() => import("./peers/babylon.mjs"), false),
    },
    {
        name: "@babylonjs/core, GPU sort",
        license: "Apache-2.0",
        frame: "sort, draw",
        createAsync: peer(() => import("./peers/babylon.mjs"), true),
    },
    {
        name: "three GaussianSplat",
        license: "MIT",
        frame: "sort when turned by 1.8° or more, draw",
        createAsync: peer(() => import("./peers/three.mjs")),
    },
    {
        name: "@sparkjsdev/spark",
        license: "MIT",
        frame: "draw (WebGL); the worker's order comes frames later",
        createAsync: peer(() => import("./peers/spark.mjs")),
    },
];

async function CreateOursAsync(head: IGaussians, settings: Partial<IViewSettings> = {}): Promise<IContender> {
    const device = await RequestBenchDeviceAsync(navigator.gpu);
    const ours = await Ours.CreateAsync(device, head);
    Object.assign(ours.settings, settings);
    return {
        version: "this commit",
        async frameAsync(frame) {
            ours.submitFrame(frame);
            await device.queue.onSubmittedWorkDone();
        },
        readAsync: () => ReadTextureAsync(device, ours.target),
        dispose: () => {
            ours.dispose();
            device.destroy();
        },
    };
}
