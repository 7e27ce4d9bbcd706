/**
 * Refines on the graphics card where there is one, on a device of its own, and on the processor elsewhere and where the card fails. A software adapter
 * is none: the processor is 12 times as fast as SwiftShader (measured in bench/, section "refine").
 */
import { GpuWeigher } from "../passes/refine/gpuWeigher.js";
import { IsSoftwareAdapter } from "../softwareDevice.js";
import { RefineColors } from "./refineColors.js";
import type { IRefineInput, IRefineResult } from "./refineInput.js";
import { FinishAsync } from "./slices.js";
import type { Weigher } from "./weigher.js";

/** A device that makes w, opened for one refinement. */
export interface IOpenWeigher {
    readonly weigh: Weigher;
    /** Gives the device back. */
    dispose(): void;
}

/** Settings of {@link RefineWhereFasterAsync}. */
export interface IRefineSteps {
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
    { onStep, onProcessor, takesInput = false, openAsync = OpenGpuWeigherAsync }: IRefineSteps,
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

/** A device of its own, so that its loss and its waiting are not the page's. @returns null where there is no graphics card */
export async function OpenGpuWeigherAsync(): Promise<IOpenWeigher | null> {
    // A browser without WebGPU, and a worker where it is the page's alone, have none.
    const gpu = (navigator as { gpu?: GPU }).gpu;
    const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter || IsSoftwareAdapter(adapter.info)) {
        return null;
    }
    const device = await adapter.requestDevice({ label: "refine" });
    const weigher = await GpuWeigher.CreateAsync(device);
    return {
        weigh: weigher.weigh,
        dispose: () => {
            weigher.dispose();
            device.destroy();
        },
    };
}
