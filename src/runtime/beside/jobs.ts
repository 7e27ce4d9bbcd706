/**
 * The long work that is done beside the page, by name: typed arrays in, typed arrays out, so that a worker can do it.
 */
import { FillFromCrops, type IFillInput, type IFillResult } from "../bust/fillFromCrops.js";
import type { IRefineInput, IRefineResult } from "../refine/refineInput.js";
import { RefineWhereFasterAsync } from "../refine/refineWhereFaster.js";
import { FinishAsync } from "../slices.js";

/** What each kind of work is given and what it gives. */
export interface IJobs {
    /** Solves a person's colors for the photos. */
    refine: { input: IRefineInput; result: IRefineResult };
    /** Fills the second page: hair beyond the scalp, and bust. */
    fill: { input: IFillInput; result: IFillResult };
}

export type JobKind = keyof IJobs;

/** Whoever waits for a job. */
export interface IJobSteps {
    /** Told the share done, which never falls; what it returns is awaited. It may throw to stop. */
    onStep: (share: number) => Promise<void> | void;
    /** Told why, where a graphics card was to work and the processor has to. */
    onProcessor?: (reason: string) => void;
    /** Whether the input may be taken apart. */
    takesInput: boolean;
}

interface IJob<K extends JobKind> {
    workAsync(input: IJobs[K]["input"], steps: IJobSteps): Promise<IJobs[K]["result"]>;
    /** Buffers of a result, which its maker no longer needs. */
    buffersOf(result: IJobs[K]["result"]): ArrayBuffer[];
}

const Jobs: { readonly [K in JobKind]: IJob<K> } = {
    refine: {
        workAsync: RefineWhereFasterAsync,
        buffersOf: ({ detail, closeUp }) => [detail.buffer, ...(closeUp ? [closeUp.shades.buffer as ArrayBuffer] : [])],
    },
    fill: {
        workAsync: (input, { onStep, takesInput }) => FinishAsync(FillFromCrops(input, { takesInput }), onStep),
        buffersOf: ({ map }) => [map.buffer],
    },
};

/** Does a job here. */
export function WorkAsync<K extends JobKind>(
    kind: K,
    input: IJobs[K]["input"],
    steps: IJobSteps,
): Promise<IJobs[K]["result"]> {
    return Jobs[kind].workAsync(input, steps);
}

/** Buffers that may be handed over with a result. */
export function BuffersOf<K extends JobKind>(kind: K, result: IJobs[K]["result"]): ArrayBuffer[] {
    return Jobs[kind].buffersOf(result);
}
