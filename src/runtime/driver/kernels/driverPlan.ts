/**
 * What one step of the driver network dispatches: which shader, with which constants in front, parameters, weights and
 * grid. Pure.
 */
import { HalvesFromFloats } from "../../format/half.js";
import {
    DriverConvParamsLayout,
    DriverEnterParamsLayout,
    DriverExitParamsLayout,
    DriverPoolParamsLayout,
    DriverWorkgroupEdge,
} from "../../layout.js";
import { StructOfWords } from "../../passes/structData.js";
import { MapBlocks, type DriverStep, type IConvStep, type IDriverMap, type MapId } from "./driverProgram.js";
import type { DriverKernelName } from "./driverSources.js";

/** Where a buffer comes from: an intermediate map, an input of the network, or its output. */
export type Operand = MapId | "identity" | "position" | "delta";

/** A step before there are buffers. */
export interface IDriverPlan {
    kernel: DriverKernelName;
    /** Constants of the source. Plans of one kernel and the same constants share a pipeline. */
    constants: Readonly<Record<string, number>>;
    /** Group 0: parameters, then weights, each its own binding. */
    parameters: readonly (Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>)[];
    /** Group 1. */
    inputs: readonly Operand[];
    /** Group 2. */
    output: Operand;
    workgroups: readonly [number, number, number];
}

/**
 * @param half whether maps and weights are in half precision
 * @param enoughThreads a convolution's threads take several texels and blocks each, unless fewer threads than this
 * would be left
 */
export function PlanDriverStep(
    step: DriverStep,
    maps: readonly IDriverMap[],
    half: boolean,
    enoughThreads: number,
): IDriverPlan {
    switch (step.kind) {
        case "enter": {
            const result = maps[step.result];
            const { width, height } = result;
            const params = StructOfWords(DriverEnterParamsLayout, {
                width,
                height,
                channels: step.channels,
                block: step.block,
                gain: 0,
                hasRest: step.rest ? 1 : 0,
            });
            params.setFloat("gain", step.gain);
            return {
                kernel: "driverEnter",
                constants: {},
                parameters: [params.words, Float32Array.from(step.rest ?? [0, 0, 0, 0])],
                inputs: [step.input],
                output: step.result,
                workgroups: Grid(width, height, MapBlocks(result)),
            };
        }
        case "conv":
            return PlanConv(step, maps, half, enoughThreads);
        case "pool": {
            const source = maps[step.source];
            const { width, height } = maps[step.result];
            const params = StructOfWords(DriverPoolParamsLayout, {
                width,
                height,
                sourceWidth: source.width,
                sourceHeight: source.height,
            });
            return {
                kernel: "driverPool",
                constants: {},
                parameters: [params.words],
                inputs: [step.source],
                output: step.result,
                workgroups: Grid(width, height, MapBlocks(source)),
            };
        }
        case "exit": {
            const { width, height } = maps[step.source];
            const { block, scale } = step;
            const params = StructOfWords(DriverExitParamsLayout, {
                width,
                height,
                channels: step.unit.length,
                block,
                scale,
            });
            return {
                kernel: "driverExit",
                constants: {},
                parameters: [params.words, Float32Array.from(step.unit)],
                inputs: [step.source],
                output: "delta",
                workgroups: Grid(width * block * scale, height * block * scale, 1),
            };
        }
    }
}

function PlanConv(step: IConvStep, maps: readonly IDriverMap[], half: boolean, enoughThreads: number): IDriverPlan {
    const { kernel, stride, pad, sources, before, after, relu } = step;
    const result = maps[step.result];
    const { width, height } = result;
    const outBlocks = MapBlocks(result);
    const blocks = sources.map(({ map }) => MapBlocks(maps[map]));
    const [first] = sources;
    const params = StructOfWords(DriverConvParamsLayout, {
        width,
        height,
        sourceWidth: maps[first.map].width << first.shift,
        sourceHeight: maps[first.map].height << first.shift,
        blocks0: blocks[0],
        blocks: blocks[0] + (blocks[1] ?? 0),
        shift0: first.shift,
        outBlocks,
        relu: relu ? 1 : 0,
        hasBefore: before === null ? 0 : 1,
        hasAfter: after === null ? 0 : 1,
    });
    const tiles = [
        [4, 2],
        [4, 1],
        [2, 1],
        [1, 1],
    ].filter(([columns, together]) => width >= columns && outBlocks % together === 0);
    const threads = ([columns, together]: readonly number[]): number =>
        (Math.ceil(width / columns) * height * outBlocks) / together;
    const [columns, together] = tiles.find((tile) => threads(tile) >= enoughThreads) ?? [1, 1];
    const packed = PackConvWeights(
        step,
        sources.map(({ map }) => maps[map].channels),
        result.channels,
    );
    const bias = new Float32Array(4 * outBlocks);
    bias.set(step.bias);
    const store = (data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> =>
        half ? HalvesFromFloats(data) : data;
    return {
        kernel: "driverConv",
        constants: {
            Kernel: kernel,
            Stride: stride,
            Pad: pad,
            Columns: columns,
            OutBlocks: together,
            Window: (columns - 1) * stride + kernel,
        },
        parameters: [params.words, store(packed), store(bias)],
        inputs: [first.map, (sources[1] ?? first).map, before ?? first.map, after ?? first.map],
        output: step.result,
        workgroups: Grid(Math.ceil(width / columns), height, outBlocks / together),
    };
}

/**
 * Weights in the order in which `driverConv.wgsl` reads them.
 * @param step weights `[outputs, inputs, kernel, kernel]`
 * @param sourceChannels channels of each source; each starts a block of four of its own
 * @returns `[output blocks, source blocks, kernel, kernel]` matrices of 4 × 4: a column of four outputs per input; 0
 * where there is none
 */
function PackConvWeights(
    { weights, kernel }: Pick<IConvStep, "weights" | "kernel">,
    sourceChannels: readonly number[],
    outputs: number,
): Float32Array<ArrayBuffer> {
    const inputs = sourceChannels.reduce((sum, channels) => sum + channels, 0);
    const slots = sourceChannels.flatMap((channels, source) => {
        const start = sourceChannels.slice(0, source).reduce((sum, count) => sum + count, 0);
        return Array.from({ length: Math.ceil(channels / 4) * 4 }, (_, i) => (i < channels ? start + i : -1));
    });
    const taps = kernel ** 2;
    const blocks = slots.length / 4;
    const packed = new Float32Array(Math.ceil(outputs / 4) * blocks * taps * 16);
    for (let output = 0; output < outputs; output++) {
        for (let slot = 0; slot < slots.length; slot++) {
            for (let tap = 0; tap < taps && slots[slot] >= 0; tap++) {
                const matrix = ((output >> 2) * blocks + (slot >> 2)) * taps + tap;
                packed[16 * matrix + 4 * (slot & 3) + (output & 3)] =
                    weights[(output * inputs + slots[slot]) * taps + tap];
            }
        }
    }
    return packed;
}

/**
 * Lets maps that are not needed at the same time share a buffer.
 * @param steps in order
 * @param byteLength size of a map
 * @returns sizes of the buffers, and the buffer of each map that a step writes
 */
export function AssignBuffers(
    steps: readonly Pick<IDriverPlan, "inputs" | "output">[],
    byteLength: (map: MapId) => number,
): { sizes: number[]; bufferOfMap: Map<MapId, number> } {
    const lastUse = new Map<Operand, number>();
    steps.forEach(({ inputs }, index) => inputs.forEach((operand) => lastUse.set(operand, index)));
    const sizes: number[] = [];
    const bufferOfMap = new Map<MapId, number>();
    const free: number[] = [];
    steps.forEach(({ inputs, output }, index) => {
        if (typeof output === "number") {
            const size = byteLength(output);
            // the one that grows or wastes least
            free.sort((a, b) => Math.abs(sizes[a] - size) - Math.abs(sizes[b] - size));
            const buffer = free.shift() ?? sizes.push(0) - 1;
            sizes[buffer] = Math.max(sizes[buffer], size);
            bufferOfMap.set(output, buffer);
        }
        for (const operand of new Set(inputs)) {
            const buffer = bufferOfMap.get(operand as MapId);
            if (buffer !== undefined && lastUse.get(operand) === index) {
                free.push(buffer);
            }
        }
    });
    return { sizes, bufferOfMap };
}

function Grid(width: number, height: number, depth: number): [number, number, number] {
    return [Math.ceil(width / DriverWorkgroupEdge), Math.ceil(height / DriverWorkgroupEdge), depth];
}
