/**
 * Which sort this device runs faster. No rule knows: barriers cost a software adapter hundreds of times what they cost
 * a graphics card, and global atomics vary as much. So both are tried on random keys when the pipeline is made, in
 * small submits that nothing waits for but the choice itself: about 2 ms of a graphics card's time, about 20 ms of a
 * software adapter's.
 */
import { CulledKey, DrawArgsLayout } from "../../layout.js";
import { OwnedBuffers } from "../gpuBuffers.js";
import { CountingSorter } from "./countingSorter.js";
import { CreateStopwatch, type IStopwatch, type PassDescriptor } from "./stopwatch.js";
import { RadixSorter } from "./radixSorter.js";
import type { ISortScratch, ISortTarget, ISplatSorter, SplatSorterName } from "./splatSorter.js";

/** What was measured. */
export interface ISortProbe {
    /** Keys of the last round. */
    keyCount: number;
    /** Median milliseconds of one sort by sorter, counting of keys included. */
    ms: Record<SplatSorterName, number>;
    clock: IStopwatch["clock"];
}

/**
 * Rounds of the probe. A device that needs long for the first is spared the second, whose repeats are for clocks that
 * tick in 0.1 ms.
 */
const Rounds = [
    { keyCount: 4096, repeats: 1, tries: 3 },
    { keyCount: 131_072, repeats: 8, tries: 3 },
] as const;
const LongMs = 1.5;
/** After one try, a sorter that took this many times as long as the other is not tried again. */
const HopelessRatio = 3;

/**
 * Makes the sorter for a device.
 * @param choice a sorter's name, or "auto" for the faster one
 * @param onProbe told what "auto" measured
 */
export async function CreateSorterAsync(
    device: GPUDevice,
    choice: SplatSorterName | "auto",
    onProbe?: (probe: ISortProbe) => void,
): Promise<ISplatSorter> {
    if (choice !== "auto") {
        return await (choice === "radix" ? RadixSorter : CountingSorter).CreateAsync(device);
    }
    const sorters = await Promise.all([CountingSorter.CreateAsync(device), RadixSorter.CreateAsync(device)]);
    const probe = await ProbeSortersAsync(device, sorters);
    onProbe?.(probe);
    return sorters.reduce((best, sorter) => (probe.ms[sorter.name] < probe.ms[best.name] ? sorter : best));
}

/** Measures the sorters. Creates and destroys its own buffers. */
async function ProbeSortersAsync(device: GPUDevice, sorters: readonly ISplatSorter[]): Promise<ISortProbe> {
    const stopwatch = CreateStopwatch(device);
    const probe: ISortProbe = { keyCount: 0, ms: {} as Record<SplatSorterName, number>, clock: stopwatch.clock };
    try {
        for (const { keyCount, repeats, tries } of Rounds) {
            const target = new ProbeTarget(device, keyCount);
            try {
                await RunRoundAsync(sorters, target, stopwatch, repeats, tries, probe);
            } finally {
                target.dispose();
            }
            if (Math.max(...Object.values(probe.ms)) > LongMs) {
                break;
            }
        }
    } finally {
        stopwatch.dispose();
    }
    return probe;
}

async function RunRoundAsync(
    sorters: readonly ISplatSorter[],
    target: ProbeTarget,
    stopwatch: IStopwatch,
    repeats: number,
    tries: number,
    probe: ISortProbe,
): Promise<void> {
    const times = sorters.map(() => [] as number[]);
    for (let attempt = 0; attempt <= tries; attempt++) {
        for (let i = 0; i < sorters.length; i++) {
            const ms =
                (await stopwatch.timeAsync((encoder, descriptor) =>
                    target.record(encoder, sorters[i], repeats, descriptor),
                )) / repeats;
            if (attempt > 0) {
                times[i].push(ms); // the first attempt warms up
            }
        }
        const latest = times.map((ofSorter) => ofSorter.at(-1) ?? 1);
        if (Math.max(...latest) > HopelessRatio * Math.min(...latest)) {
            break;
        }
    }
    probe.keyCount = target.keyCount;
    sorters.forEach(({ name }, i) => (probe.ms[name] = times[i].sort((a, b) => a - b)[times[i].length >> 1]));
}

/** Random keys, a third of them culled as behind a head, and one scratch per sorter. */
class ProbeTarget {
    private readonly _owned: OwnedBuffers;
    private readonly _targets = new Map<ISplatSorter, ISortTarget>();
    private readonly _keys: GPUBuffer;
    private readonly _order: GPUBuffer;
    private readonly _drawArgs: GPUBuffer;

    public constructor(
        device: GPUDevice,
        public readonly keyCount: number,
    ) {
        this._owned = new OwnedBuffers(device, "sortProbe");
        const keys = new Uint32Array(keyCount);
        let state = 1;
        for (let i = 0; i < keyCount; i++) {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            keys[i] = i % 3 === 0 ? CulledKey : state >>> 16;
        }
        this._keys = this._owned.createFrom("keys", keys);
        this._order = this._owned.create("order", 4 * keyCount);
        this._drawArgs = this._owned.create("drawArgs", DrawArgsLayout.byteLength);
    }

    /** Records sorts one after the other; `descriptor(i, n)` is asked for the timestamps of the i-th of n passes. */
    public record(encoder: GPUCommandEncoder, sorter: ISplatSorter, repeats: number, descriptor: PassDescriptor): void {
        const target = this._targetOf(sorter);
        for (let i = 0; i < repeats; i++) {
            sorter.prepare(encoder, target, this.keyCount);
            const pass = encoder.beginComputePass(descriptor(i, repeats));
            sorter.countKeys(pass, target);
            sorter.sort(pass, target);
            pass.end();
        }
    }

    public dispose(): void {
        this._targets.forEach((target) => target.sortScratch?.dispose());
        this._owned.dispose();
    }

    private _targetOf(sorter: ISplatSorter): ISortTarget {
        let target = this._targets.get(sorter);
        if (!target) {
            const sortScratch: ISortScratch | null = null;
            target = { keys: this._keys, order: this._order, drawArgs: this._drawArgs, sortScratch };
            this._targets.set(sorter, target);
        }
        return target;
    }
}
