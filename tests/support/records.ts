/** Splat records as the tests read them. */
import { CulledKey, SplatRecordLayout } from "../../src/runtime/layout";
import type { ViewBuffers } from "../../src/runtime/passes";
import { FromHalf, ReadBuffer } from "./gpu";

/** One unpacked record; pixels with y up and the origin in the middle. */
export interface IRecord {
    readonly visible: boolean;
    readonly key: number;
    readonly centerPx: [number, number];
    readonly depthNdc: number;
    readonly viewDepth: number;
    readonly covariancePx: [number, number, number];
    readonly color: number[];
    readonly alpha: number;
    /** Whether it is part of a shell: its alpha is stored negative. */
    readonly isShell: boolean;
}

/** All records of a view that is `width` × `height` pixels. */
export async function ReadRecords(
    device: GPUDevice,
    view: ViewBuffers,
    width: number,
    height: number,
): Promise<IRecord[]> {
    const stride = SplatRecordLayout.byteLength / 4;
    const words = new Uint32Array(await ReadBuffer(device, view.records));
    const floats = new Float32Array(words.buffer);
    const keys = new Uint32Array(await ReadBuffer(device, view.keys));
    const at = SplatRecordLayout.offsets;
    return Array.from({ length: view.gaussianCount }, (_, g) => {
        const float = (offset: number): number => floats[stride * g + offset / 4];
        const halves = (offset: number): [number, number] => {
            const word = words[stride * g + offset / 4];
            return [FromHalf(word & 0xffff), FromHalf(word >>> 16)];
        };
        const axes = [halves(at.axisMajor), halves(at.axisMinor)].map(([x, y]) => [(x * width) / 2, (y * height) / 2]);
        const [rg, ba] = [halves(at.colorRg), halves(at.colorBAlpha)];
        return {
            visible: keys[g] !== CulledKey,
            key: keys[g],
            centerPx: [(float(at.centerNdc) * width) / 2, (float(at.centerNdc + 4) * height) / 2],
            depthNdc: float(at.depthNdc),
            viewDepth: float(at.viewDepth),
            covariancePx: [
                axes[0][0] ** 2 + axes[1][0] ** 2,
                axes[0][0] * axes[0][1] + axes[1][0] * axes[1][1],
                axes[0][1] ** 2 + axes[1][1] ** 2,
            ],
            color: [...rg, ba[0]],
            alpha: Math.abs(ba[1]),
            isShell: ba[1] < 0,
        };
    });
}
