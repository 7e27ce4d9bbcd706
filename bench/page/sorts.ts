/** Sorts alone, on the same number of keys: both of ours and Babylon's GPU sorter. */
import { DrawArgsLayout } from "../../src/runtime/layout";
import { CreateSorterAsync } from "../../src/runtime/passes/sort/sorterChoice";
import type { ISortTarget, SplatSorterName } from "../../src/runtime/passes/sort/splatSorter";
import * as camera from "./camera";
import { SplatOf, type IGaussians } from "./head";

/** Sorts `times` times in one submit, after which the GPU is done. */
export interface ISortContender {
    readonly name: string;
    readonly dispatches: number;
    sortAsync(times: number): Promise<void>;
}

/** Ours, keys counted by a pass of its own where projection would have counted them. */
export async function CreateOurSortAsync(
    device: GPUDevice,
    name: SplatSorterName,
    count: number,
): Promise<ISortContender> {
    const sorter = await CreateSorterAsync(device, name);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const target: ISortTarget = {
        keys: device.createBuffer({ size: 4 * count, usage }),
        order: device.createBuffer({ size: 4 * count, usage }),
        drawArgs: device.createBuffer({ size: DrawArgsLayout.byteLength, usage }),
        sortScratch: null,
    };
    let state = 22;
    const keys = Uint32Array.from(
        { length: count },
        () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 16,
    );
    device.queue.writeBuffer(target.keys, 0, keys);
    return {
        name: `ours: ${name}`,
        dispatches: sorter.dispatchCount + (sorter.needsKeyCounts ? 1 : 0),
        async sortAsync(times) {
            const encoder = device.createCommandEncoder();
            for (let i = 0; i < times; i++) {
                sorter.prepare(encoder, target, count);
                const pass = encoder.beginComputePass();
                sorter.countKeys(pass, target);
                sorter.sort(pass, target);
                pass.end();
            }
            device.queue.submit([encoder.finish()]);
            await device.queue.onSubmittedWorkDone();
        },
    };
}

/** Babylon's sorter as its mesh uses it: 16-bit keys from the centres, four passes, order as floats. */
export async function CreateBabylonSortAsync(head: IGaussians): Promise<ISortContender> {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = camera.SizePx;
    const { CreateBabylonSorterAsync } = await import("./peers/babylon.mjs");
    const { sort, flush, queue } = await CreateBabylonSorterAsync({ canvas, camera, splat: SplatOf(head) });
    return {
        name: "@babylonjs/core GaussianSplattingGpuSorter",
        dispatches: 18,
        async sortAsync(times) {
            for (let i = 0; i < times; i++) {
                sort();
                flush();
            }
            await queue.onSubmittedWorkDone();
        },
    };
}
