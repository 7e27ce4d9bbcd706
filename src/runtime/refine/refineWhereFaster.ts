/**
 * Refines on the graphics card where there is one, on a device of its own, and on the processor elsewhere and where the
 * card fails. A software adapter is none: the processor is many times as fast (bench/, section "refine").
 */
import { GpuWeigher } from "../passes/refine/gpuWeigher.js";
import { IsSoftwareAdapter } from "../softwareDevice.js";
import { RefineColors } from "./refineColors.js";
import type { IRefineInput, IRefineResult } from "./refineInput.js";
import type { IEllipses } from "./projectView.js";
import { FinishAsync, type Work } from "../slices.js";
import { BuildSplatWeights } from "./splatWeights.js";
import type { PixelStep, Weigher } from "./weigher.js";

/** A device that makes w, opened for one refinement. */
export interface IOpenWeigher {
    readonly weigh: Weigher;
    /** Gives the device back. */
    dispose(): void;
}

/** Settings of {@link RefineWhereFasterAsync}. */
export interface IRefineWhereFasterSettings {
    /** Told the share done, which never falls; what it returns is awaited. It may throw to stop. */
    onStep: (share: number) => Promise<void> | void;
    /** Told why the card failed; the processor begins anew. */
    onProcessor?: (reason: string) => void;
    /** Whether static map and views may be taken out of the input while the processor works. Default false. */
    takesInput?: boolean;
    /** Opens a device; null for none. Default: {@link OpenGpuWeigherAsync}. */
    openAsync?: () => Promise<IOpenWeigher | null>;
}

/**
 * Refines.
 * @throws what `onStep` throws
 */
export async function RefineWhereFasterAsync(
    input: IRefineInput,
    { onStep, onProcessor, takesInput = false, openAsync = OpenGpuWeigherAsync }: IRefineWhereFasterSettings,
): Promise<IRefineResult> {
    let most = 0;
    let stopped: { readonly reason: unknown } | undefined;
    const step = (share: number): Promise<void> | void => {
        most = Math.max(most, share);
        const stop = (reason: unknown): never => {
            stopped = { reason };
            throw reason;
        };
        try {
            return onStep(most)?.catch(stop);
        } catch (reason) {
            return stop(reason);
        }
    };
    let opened: IOpenWeigher | null = null;
    try {
        opened = await openAsync();
        if (opened) {
            return await FinishAsync(RefineColors(input, {}, { weigh: opened.weigh }), step);
        }
    } catch (error) {
        if (stopped) {
            throw error;
        }
        onProcessor?.(error instanceof Error ? error.message : String(error));
    } finally {
        opened?.dispose();
    }
    return await FinishAsync(RefineColors(input, {}, { takesInput }), step);
}

/**
 * A device of its own, so that its loss and its waiting are not the page's. @returns null where there is no graphics
 * card
 */
export async function OpenGpuWeigherAsync(): Promise<IOpenWeigher | null> {
    // A browser without WebGPU, and a worker where it is the page's alone, have none.
    const gpu = (navigator as { gpu?: GPU }).gpu;
    const adapter = await gpu?.requestAdapter();
    if (!adapter || IsSoftwareAdapter(adapter.info)) {
        return null;
    }
    const device = await adapter.requestDevice({ label: "refine" });
    try {
        const weigher = await GpuWeigher.CreateAsync(device);
        await CheckWeigherAsync(weigher.weigh);
        return {
            weigh: weigher.weigh,
            dispose: () => {
                weigher.dispose();
                device.destroy();
            },
        };
    } catch (error) {
        device.destroy();
        throw error;
    }
}

/** Largest error of the check's sums, in parts of the largest. */
const CheckLimit = 0.02;

/**
 * Runs a pass over some ellipses and compares it with the processor's, as drivers of graphics cards have errors.
 * @throws Error if the numbers are wrong
 */
export async function CheckWeigherAsync(weigh: Weigher): Promise<void> {
    const [found, wanted] = [await FinishAsync(CheckSums(weigh)), await FinishAsync(CheckSums(BuildSplatWeights))];
    const most = wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    const error = found.reduce((largest, value, i) => Math.max(largest, Math.abs(value - wanted[i])), 0) / most;
    if (!(error <= CheckLimit)) {
        throw new Error(`its numbers are wrong by ${(100 * error).toFixed(1)} % of their range`);
    }
}

/** Transpose of a picture of ellipses that lie over each other, in four tiles. */
function* CheckSums(weigh: Weigher): Work<Float32Array> {
    const [count, size] = [150, 27];
    const fill = (stride: number, make: (i: number) => number): Float32Array =>
        Float32Array.from({ length: stride * count }, (_, i) => make(i));
    const wave = (i: number, step: number): number => 0.5 + 0.5 * Math.sin(step * i + 1);
    const ellipses: IEllipses = {
        count,
        center: fill(2, (i) => size * wave(i, 12.9)),
        conic: fill(3, (i) => (i % 3 === 1 ? 0.02 : 0.1 + 0.1 * wave(i, 7.7))),
        reach: fill(2, () => 11), // beyond the cut of the widest
        opacity: fill(1, (i) => 0.2 + 0.7 * wave(i, 5.3)),
        depth: fill(1, (i) => 0.5 + wave(i, 3.1)),
        facing: fill(1, () => 1),
    };
    const weights = yield* weigh(ellipses, size);
    const sums = new Float32Array(3 * count);
    const square: PixelStep = (_pixel, drawn, values, at) => {
        for (let channel = 0; channel < 3; channel++) {
            values[3 * at + channel] = drawn[4 * at + channel] * drawn[4 * at + 3];
        }
    };
    yield* weights.pass(
        fill(3, (i) => wave(i, 2.3)),
        square,
        sums,
    );
    weights.dispose();
    return sums;
}
