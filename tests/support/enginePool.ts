/**
 * Engines for test scenes. Making an engine and compiling for it takes seconds of a software adapter, so stages hand
 * theirs on; scenes are always new.
 */
import "@babylonjs/core/Engines/WebGPU/Extensions/engine.multiRender";
import "@babylonjs/core/Engines/WebGPU/Extensions/engine.renderTarget";
import "@babylonjs/core/Engines/WebGPU/Extensions/engine.computeShader";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { SplatPipeline } from "../../src/runtime/passes";

/** An engine that one stage has at a time. */
export interface IPooledEngine {
    engine: WebGPUEngine;
    canvas: HTMLCanvasElement;
    /** Errors of the device it was made with, since it was taken. */
    errors: string[];
}

const idle: { samples: number; device: GPUDevice; pooled: IPooledEngine }[] = [];
const pipelines = new WeakMap<GPUDevice, Promise<SplatPipeline>>();

/**
 * An engine that no stage has, with a canvas on the page.
 * @param samples 1 or 4
 * @param edgePx edge of the canvas
 */
export async function TakeEngineAsync(samples: number, edgePx: number): Promise<IPooledEngine> {
    const index = idle.findIndex((entry) => entry.samples === samples);
    const { pooled } = index >= 0 ? idle.splice(index, 1)[0] : await MakeAsync(samples);
    pooled.errors.length = 0;
    pooled.engine.setSize(edgePx, edgePx);
    document.body.appendChild(pooled.canvas);
    return pooled;
}

/**
 * Takes back an engine whose scenes are disposed. One that lost its device, or that is not as it was made, is not used
 * again.
 */
export function GiveEngineBack(samples: number, device: GPUDevice, pooled: IPooledEngine): void {
    const { engine, canvas } = pooled;
    canvas.remove();
    const isAsNew =
        !engine.useReverseDepthBuffer && !engine.snapshotRendering && engine.getHardwareScalingLevel() === 1;
    if (engine._device === device && isAsNew && engine.scenes.length === 0) {
        idle.push({ samples, device, pooled });
    } else {
        engine.dispose();
    }
}

/** The compute passes of a device, compiled once. */
export function PipelineOf(device: GPUDevice): Promise<SplatPipeline> {
    const pipeline = pipelines.get(device) ?? SplatPipeline.CreateAsync(device);
    pipelines.set(device, pipeline);
    return pipeline;
}

async function MakeAsync(samples: number): Promise<(typeof idle)[number]> {
    const canvas = document.createElement("canvas");
    const engine = new WebGPUEngine(canvas, { antialias: samples > 1, adaptToDeviceRatio: false });
    await engine.initAsync();
    const device = engine._device as GPUDevice;
    const errors: string[] = [];
    device.addEventListener("uncapturederror", (event) => errors.push(event.error.message.slice(0, 400)));
    return { samples, device, pooled: { engine, canvas, errors } };
}
