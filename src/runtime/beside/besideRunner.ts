/**
 * Does long work beside the page: in a worker of its own, which ends with it, or on the page in short slices where no
 * worker starts.
 */
import { FlexAvatarError, ThrowIfAborted, type FlexAvatarErrorCode } from "../../flame/error.js";
import { OpenWorkerAsync } from "../openWorker.js";
import { PausesOf } from "../slices.js";
import { WorkAsync, type IJobs, type JobKind } from "./jobs.js";
import { StartBesideWorker } from "./startWorker.js";
import type { JobAnswer, JobRequest } from "./worker/messages.js";

/** Settings of {@link RunBesideAsync}. */
export interface IBesideRun {
    signal?: AbortSignal;
    /** Buffers of the input that nobody needs afterwards: they are handed over instead of copied. */
    handOver?: readonly ArrayBuffer[];
    /** Told the share done, 0 to 1. */
    onProgress?: (fraction: number) => void;
    /** Told why, where the page itself has to work. */
    onPage?: (reason: string) => void;
    /** Told why, where a graphics card was to work and the processor has to. */
    onProcessor?: (reason: string) => void;
    /** Starts the worker; null to work on the page. Default: the library's own, from its text. */
    startWorker?: (() => Worker) | null;
    /**
     * The script of the library's own worker as a file on the page's own origin, for pages whose policy refuses workers
     * from `blob:`.
     */
    workerUrl?: string;
}

/** An array of more has a task of its own when it is copied. */
const LargeBytes = 500_000;
/** What is being done, for messages. */
const Whats: Readonly<Record<JobKind, string>> = { refine: "refining the avatar", fill: "filling hair and bust" };
/** What a worker that breaks is called. */
const Failures: Readonly<Record<JobKind, FlexAvatarErrorCode>> = { refine: "refine-failed", fill: "fill-failed" };

/** Refines; see {@link RunBesideAsync}. @throws FlexAvatarError `aborted`, `refine-failed` */
export function RefineBesideAsync(
    input: IJobs["refine"]["input"],
    run: IBesideRun = {},
): Promise<IJobs["refine"]["result"]> {
    return RunBesideAsync("refine", input, run);
}

/** Fills the second page; see {@link RunBesideAsync}. @throws FlexAvatarError `aborted`, `fill-failed` */
export function FillBesideAsync(input: IJobs["fill"]["input"], run: IBesideRun = {}): Promise<IJobs["fill"]["result"]> {
    return RunBesideAsync("fill", input, run);
}

/**
 * Does a job.
 * @param input its arrays are copied, but for those handed over; if some are, and the page has to work, the object is
 * taken apart
 * @throws FlexAvatarError `aborted`, and the job's own code if it fails
 */
async function RunBesideAsync<K extends JobKind>(
    kind: K,
    input: IJobs[K]["input"],
    run: IBesideRun,
): Promise<IJobs[K]["result"]> {
    ThrowIfAborted(run.signal, Whats[kind]);
    let reason: string | undefined;
    for (const start of StartsOf(run)) {
        let worker: Worker | null = null;
        try {
            worker = await OpenWorkerAsync(start, run.signal);
        } catch (error) {
            ThrowIfAborted(run.signal, Whats[kind]);
            reason ??= error instanceof Error ? error.message : String(error);
        }
        if (worker) {
            return await AskAsync(worker, kind, input, run);
        }
    }
    if (reason !== undefined) {
        run.onPage?.(reason);
    }
    return await OnPageAsync(kind, input, run);
}

/** Ways to start the worker, in the order they are tried. */
function StartsOf({ startWorker, workerUrl }: IBesideRun): (() => Worker)[] {
    if (startWorker !== undefined) {
        return startWorker === null ? [] : [startWorker];
    }
    return [() => StartBesideWorker(), ...(workerUrl === undefined ? [] : [() => StartBesideWorker(workerUrl)])];
}

/** Hands the work to a worker, which is ended in any case. */
async function AskAsync<K extends JobKind>(
    worker: Worker,
    kind: K,
    input: IJobs[K]["input"],
    { signal, onProgress, onProcessor, handOver = [] }: IBesideRun,
): Promise<IJobs[K]["result"]> {
    let abort: (() => void) | undefined;
    try {
        return await new Promise<IJobs[K]["result"]>((resolve, reject) => {
            const fail = (reason: string): void =>
                reject(new FlexAvatarError(Failures[kind], `The worker failed while ${Whats[kind]}: ${reason}.`));
            abort = () =>
                reject(new FlexAvatarError("aborted", `Aborted while ${Whats[kind]}.`, { cause: signal?.reason }));
            signal?.addEventListener("abort", abort, { once: true });
            worker.onmessage = ({ data }: MessageEvent<JobAnswer<K>>) => {
                if (data.kind === "progress") {
                    onProgress?.(data.fraction);
                } else if (data.kind === "processor") {
                    onProcessor?.(data.reason);
                } else if (data.kind === "result") {
                    resolve(data.result);
                } else if (data.kind === "error") {
                    fail(data.message);
                }
            };
            worker.onerror = (event) => fail(event.message || "it has no memory left");
            worker.onmessageerror = () => fail("a message cannot be read");
            SendAsync(worker, kind, input, handOver, signal).catch((error: unknown) => fail(String(error)));
        });
    } finally {
        if (abort) {
            signal?.removeEventListener("abort", abort);
        }
        worker.terminate();
    }
}

/**
 * Sends copies of all arrays that are not handed over, made one task after the other: cloning them in `postMessage`
 * held the page up for 33 ms, a copy takes 3 ms at most.
 */
async function SendAsync<K extends JobKind>(
    worker: Worker,
    kind: K,
    input: IJobs[K]["input"],
    handOver: readonly ArrayBuffer[],
    signal: AbortSignal | undefined,
): Promise<void> {
    const given = new Set<ArrayBufferLike>(handOver);
    const buffers = new Set<ArrayBuffer>(handOver);
    const copyAsync = async (value: unknown): Promise<unknown> => {
        if (ArrayBuffer.isView(value)) {
            if (given.has(value.buffer)) {
                return value;
            }
            const copy = (value as Float32Array).slice();
            buffers.add(copy.buffer);
            if (copy.byteLength > LargeBytes) {
                await new Promise((resolve) => setTimeout(resolve, 0));
            }
            return copy;
        }
        if (Array.isArray(value)) {
            const items: unknown[] = [];
            for (const item of value) {
                items.push(await copyAsync(item));
            }
            return items;
        }
        if (typeof value === "object" && value !== null) {
            const entries: [string, unknown][] = [];
            for (const [name, field] of Object.entries(value)) {
                entries.push([name, await copyAsync(field)]);
            }
            return Object.fromEntries(entries);
        }
        return value;
    };
    const copy = (await copyAsync(input)) as IJobs[K]["input"];
    if (!signal?.aborted) {
        worker.postMessage({ kind, input: copy } as JobRequest, [...buffers]);
    }
}

/** Does the job here. What breaks is called as in a worker. */
async function OnPageAsync<K extends JobKind>(
    kind: K,
    input: IJobs[K]["input"],
    { signal, onProgress, onProcessor, handOver = [] }: IBesideRun,
): Promise<IJobs[K]["result"]> {
    const pauseAsync = PausesOf();
    try {
        return await WorkAsync(kind, input, {
            onStep: (share) => {
                onProgress?.(share);
                return pauseAsync()?.then(() => ThrowIfAborted(signal, Whats[kind]));
            },
            onProcessor,
            takesInput: handOver.length > 0,
        });
    } catch (error) {
        if (error instanceof FlexAvatarError) {
            throw error;
        }
        throw new FlexAvatarError(Failures[kind], `The work failed while ${Whats[kind]}: ${String(error)}.`, {
            cause: error,
        });
    }
}
