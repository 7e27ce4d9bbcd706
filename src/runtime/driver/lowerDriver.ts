/**
 * Turns the driver's ONNX graph into the steps of {@link IDriverProgram}: constants folded, each Add, Relu, Concat and
 * Resize fused into the convolution beside it, and all that depends on the identity features alone moved out of the
 * frame. Knows the operators that `training/export` writes for both kinds of driver; anything else is an error, and the
 * caller then keeps to ONNX Runtime.
 */
import { FlexAvatarError } from "../../flame/error.js";
import type { DriverStep, IConvStep, IDriverMap, IDriverProgram, MapId } from "./kernels/driverProgram.js";
import type { IOnnxGraph, IOnnxNode, IOnnxTensor } from "./onnxGraph.js";

interface IConstant extends IOnnxTensor {
    kind: "constant";
}

/** A graph input, or simple arithmetic on it, not yet in blocks of four. */
interface IInput {
    kind: "input";
    input: "identity" | "position";
    dims: readonly number[];
    rest: Float32Array | null;
    gain: number;
    /** Above 1 when a space to depth came by; `reshaped` is its first half. */
    block: number;
    reshaped: readonly number[] | null;
    transposed: boolean;
    map: MapId | null;
}

/** A stored map. */
interface IStored {
    kind: "map";
    map: MapId;
    /** The convolution that made it and may still take up what follows. */
    conv: IConvStep | null;
}

/** Channels of several maps one after the other. */
interface IStack {
    kind: "stack";
    parts: readonly IPart[];
}

interface IPart {
    value: IStored | IInput;
    /** 1 for a map at twice its size. */
    shift: number;
    channels: number;
    /** True for repeated channels that `pad_channels.py` adds: only zero weights may read them. */
    padding: boolean;
}

/** What leads to the result. */
interface IExit {
    kind: "exit";
    source: MapId;
    block: number;
    unit: Float32Array | null;
    scale: number;
}

type Value = IConstant | IInput | IStored | IStack | IExit;

/**
 * @param graph with inputs `identity_features` [1,C,h,w] and `position_map` [1,3,P,P], and output `delta_map`
 * [1,14,H,W]
 * @param identityShape shape of `identity_features`
 * @param positionShape shape of `position_map`
 * @throws FlexAvatarError `models-mismatch` naming the first operation that is not known
 */
export function LowerDriver(
    graph: IOnnxGraph,
    identityShape: readonly number[],
    positionShape: readonly number[],
): IDriverProgram {
    return new Lowering(graph, identityShape, positionShape).run();
}

class Lowering {
    private readonly _maps: IDriverMap[] = [];
    private readonly _once = new Set<MapId>();
    private readonly _onceSteps: DriverStep[] = [];
    private readonly _steps: DriverStep[] = [];
    private readonly _values = new Map<string, Value>();
    private readonly _uses = new Map<string, number>();

    public constructor(
        private readonly _graph: IOnnxGraph,
        private readonly _identityShape: readonly number[],
        private readonly _positionShape: readonly number[],
    ) {
        for (const [name, tensor] of _graph.constants) {
            this._values.set(name, { kind: "constant", ...tensor });
        }
        const input = (name: "identity" | "position", dims: readonly number[]): IInput => ({
            kind: "input",
            input: name,
            dims,
            rest: null,
            gain: 1,
            block: 1,
            reshaped: null,
            transposed: false,
            map: null,
        });
        this._values.set("identity_features", input("identity", _identityShape));
        this._values.set("position_map", input("position", _positionShape));
        for (const name of _graph.nodes.flatMap(({ inputs }) => inputs)) {
            this._uses.set(name, (this._uses.get(name) ?? 0) + 1);
        }
    }

    public run(): IDriverProgram {
        for (const node of this._graph.nodes) {
            const value = this._lower(node);
            if (value === null || node.outputs.length !== 1) {
                throw Unknown(node);
            }
            this._values.set(node.outputs[0], value);
        }
        const result = this._values.get("delta_map");
        const exit =
            result?.kind === "map"
                ? { kind: "exit" as const, source: result.map, block: 1, unit: null, scale: 1 }
                : result;
        if (exit?.kind !== "exit") {
            throw new FlexAvatarError("models-mismatch", "The driver network has no output delta_map.");
        }
        const { channels, height, width } = this._maps[exit.source];
        const outputs = channels / exit.block ** 2;
        const unit = exit.unit ?? new Float32Array(outputs).fill(1);
        if (unit.length !== outputs) {
            throw new FlexAvatarError(
                "models-mismatch",
                `The driver network scales ${outputs} channels by ${unit.length} units.`,
            );
        }
        this._steps.push({ ...exit, unit });
        const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);
        return {
            maps: this._maps,
            once: this._onceSteps,
            steps: this._steps,
            identityCount: product(this._identityShape),
            positionCount: product(this._positionShape),
            deltaCount: outputs * height * width * (exit.block * exit.scale) ** 2,
        };
    }

    private _lower(node: IOnnxNode): Value | null {
        const values = node.inputs.map((name) => this._values.get(name));
        const [first, second] = values;
        switch (node.op) {
            case "Cast":
                return first?.kind === "constant" ? first : null;
            case "Sub":
                return IsInput(first) &&
                    second?.kind === "constant" &&
                    first.rest === null &&
                    first.gain === 1 &&
                    first.block === 1
                    ? { ...first, rest: second.data }
                    : null;
            case "Mul":
                return this._multiply(first, second);
            case "Reshape":
            case "Transpose":
                return SpaceToDepth(node, first, second);
            case "Conv":
                return this._convolve(node, values);
            case "Relu":
                return this._relu(node, first);
            case "Add":
                return this._add(node, first, second);
            case "MaxPool":
                return this._pool(node, first);
            case "Concat":
                return this._concat(node, values);
            case "Slice":
                return this._slice(first, values[1], values[2]);
            case "Resize":
                return this._resize(node, first, values.at(-1));
            case "DepthToSpace":
                return first?.kind === "map" && node.texts.mode === "CRD"
                    ? { kind: "exit", source: first.map, block: node.numbers.blocksize[0], unit: null, scale: 1 }
                    : null;
            default:
                return null;
        }
    }

    private _multiply(first: Value | undefined, second: Value | undefined): Value | null {
        if (second?.kind !== "constant") {
            return null;
        }
        if (IsInput(first) && second.data.length === 1 && first.block === 1) {
            return { ...first, gain: first.gain * second.data[0] };
        }
        if (first?.kind === "map") {
            return { kind: "exit", source: first.map, block: 1, unit: second.data, scale: 1 };
        }
        return first?.kind === "exit" && first.unit === null && first.scale === 1
            ? { ...first, unit: second.data }
            : null;
    }

    private _convolve(node: IOnnxNode, [data, weight, bias]: readonly (Value | undefined)[]): Value | null {
        const { kernel_shape: kernel, strides, pads, dilations, group } = node.numbers;
        const square = (list: readonly number[] | undefined): boolean =>
            list !== undefined && list.every((size) => size === list[0]);
        if (
            !data ||
            weight?.kind !== "constant" ||
            (bias !== undefined && bias.kind !== "constant") ||
            data.kind === "exit"
        ) {
            return null;
        }
        if (
            !square(kernel) ||
            !square(strides) ||
            !square(pads) ||
            dilations?.some((d) => d !== 1) ||
            (group && group[0] !== 1)
        ) {
            return null;
        }
        if (data.kind === "constant") {
            return null;
        }
        const [outputs, inputs] = weight.dims;
        const taps = kernel[0] ** 2;
        let start = 0;
        const parts: { map: MapId; shift: number; weights: Float32Array }[] = [];
        for (const { value, shift, channels, padding } of this._stack(data).parts) {
            const weights = new Float32Array(outputs * channels * taps);
            for (let o = 0; o < outputs; o++) {
                const from = (o * inputs + start) * taps;
                weights.set(weight.data.subarray(from, from + channels * taps), o * channels * taps);
            }
            start += channels;
            const silent = weights.every((w) => w === 0);
            if (padding && !silent) {
                return null;
            }
            if (!silent || (parts.length === 0 && start === inputs && !padding)) {
                parts.push({ map: this._mapOf(value), shift, weights });
            }
        }
        if (start !== inputs || parts.length === 0) {
            return null;
        }
        const size = (part: { map: MapId; shift: number }): [number, number] => {
            const { height, width } = this._maps[part.map];
            return [height << part.shift, width << part.shift];
        };
        const [height, width] = size(parts[0]);
        if (parts.some((part) => size(part).join() !== `${height},${width}`)) {
            return null;
        }
        const reach = 2 * pads[0] - kernel[0];
        const result = (once: boolean): MapId =>
            this._addMap(
                outputs,
                Math.floor((height + reach) / strides[0]) + 1,
                Math.floor((width + reach) / strides[0]) + 1,
                once,
            );
        const conv = (chosen: typeof parts, before: MapId | null, withBias: boolean, once: boolean): IConvStep => {
            const step: IConvStep = {
                kind: "conv",
                sources: chosen.map(({ map, shift }) => ({ map, shift })),
                weights: Interleave(chosen, outputs),
                bias: withBias && bias ? (bias as IConstant).data : new Float32Array(outputs),
                kernel: kernel[0],
                stride: strides[0],
                pad: pads[0],
                before,
                relu: false,
                after: null,
                result: result(once),
            };
            (once ? this._onceSteps : this._steps).push(step);
            return step;
        };
        const fixed = parts.filter(({ map }) => this._once.has(map));
        const moving = parts.filter(({ map }) => !this._once.has(map));
        if (fixed.length > 2 || moving.length > 2) {
            return null;
        }
        let step: IConvStep;
        if (fixed.length > 0 && moving.length > 0) {
            const part = conv(fixed, null, false, true);
            step = conv(moving, part.result, true, false);
        } else {
            step = conv(parts, null, true, moving.length === 0);
        }
        return { kind: "map", map: step.result, conv: step };
    }

    private _relu(node: IOnnxNode, value: Value | undefined): Value | null {
        if (
            value?.kind !== "map" ||
            !value.conv ||
            value.conv.relu ||
            value.conv.after !== null ||
            this._uses.get(node.inputs[0]) !== 1
        ) {
            return null;
        }
        value.conv.relu = true;
        return value;
    }

    /** The later of the two convolutions takes up the sum; one of the frame rather than one of the identity. */
    private _add(node: IOnnxNode, first: Value | undefined, second: Value | undefined): Value | null {
        if (first?.kind !== "map" || second?.kind !== "map") {
            return null;
        }
        const rank = ({ map }: IStored): number => (this._once.has(map) ? 0 : this._maps.length) + map;
        const [early, late] = rank(first) < rank(second) ? [first, second] : [second, first];
        const lateName = node.inputs[late === first ? 0 : 1];
        const { conv } = late;
        if (!conv || conv.after !== null || this._uses.get(lateName) !== 1 || (conv.before !== null && !conv.relu)) {
            return null;
        }
        if (conv.relu) {
            conv.after = early.map;
        } else {
            conv.before = early.map;
        }
        return late;
    }

    private _pool(node: IOnnxNode, value: Value | undefined): Value | null {
        const { kernel_shape: kernel, strides, pads } = node.numbers;
        if (
            value?.kind !== "map" ||
            kernel.join() !== "2,2" ||
            strides.join() !== "2,2" ||
            pads?.some((pad) => pad !== 0)
        ) {
            return null;
        }
        const { channels, height, width } = this._maps[value.map];
        const once = this._once.has(value.map);
        const result = this._addMap(channels, height >> 1, width >> 1, once);
        (once ? this._onceSteps : this._steps).push({ kind: "pool", source: value.map, result });
        return { kind: "map", map: result, conv: null };
    }

    private _concat(node: IOnnxNode, values: readonly (Value | undefined)[]): Value | null {
        if (node.numbers.axis[0] !== 1) {
            return null;
        }
        if (values.every((value): value is IConstant => value?.kind === "constant")) {
            return ConcatConstants(values);
        }
        const parts: IPart[] = [];
        for (const value of values) {
            if (value === undefined || value.kind === "constant" || value.kind === "exit") {
                return null;
            }
            parts.push(...this._stack(value).parts);
        }
        return { kind: "stack", parts };
    }

    private _slice(value: Value | undefined, start: Value | undefined, end: Value | undefined): Value | null {
        if (
            value === undefined ||
            value.kind === "constant" ||
            value.kind === "exit" ||
            start?.kind !== "constant" ||
            end?.kind !== "constant"
        ) {
            return null;
        }
        const [part] = this._stack(value).parts;
        return { kind: "stack", parts: [{ ...part, channels: end.data[0] - start.data[0], padding: true }] };
    }

    private _resize(node: IOnnxNode, value: Value | undefined, scales: Value | undefined): Value | null {
        if (scales?.kind !== "constant" || scales.dims[0] !== 4) {
            return null;
        }
        const scale = scales.data[2];
        const even = scales.data[0] === 1 && scales.data[1] === 1 && scales.data[3] === scale;
        const { mode, coordinate_transformation_mode: coordinates, nearest_mode: rounding } = node.texts;
        if (!even) {
            return null;
        }
        if (
            mode === "nearest" &&
            coordinates === "asymmetric" &&
            rounding === "floor" &&
            scale === 2 &&
            value?.kind === "map"
        ) {
            return {
                kind: "stack",
                parts: [{ value, shift: 1, channels: this._maps[value.map].channels, padding: false }],
            };
        }
        const linear = mode === "linear" && coordinates === "half_pixel" && Number.isInteger(scale);
        return linear && value?.kind === "exit" && value.scale === 1 ? { ...value, scale } : null;
    }

    private _stack(value: IStored | IStack | IInput): IStack {
        if (value.kind === "stack") {
            return value;
        }
        const channels = value.kind === "map" ? this._maps[value.map].channels : value.dims[1] * value.block ** 2;
        return { kind: "stack", parts: [{ value, shift: 0, channels, padding: false }] };
    }

    /** The map of a value; an input enters when it is first needed. */
    private _mapOf(value: IStored | IInput): MapId {
        if (value.kind === "map") {
            return value.map;
        }
        if (value.map === null) {
            const { input, rest, gain, block, dims } = value;
            const once = input === "identity";
            value.map = this._addMap(dims[1] * block ** 2, dims[2] / block, dims[3] / block, once);
            const step: DriverStep = { kind: "enter", input, rest, gain, block, channels: dims[1], result: value.map };
            (once ? this._onceSteps : this._steps).push(step);
        }
        return value.map;
    }

    private _addMap(channels: number, height: number, width: number, once: boolean): MapId {
        const map = this._maps.push({ channels, height, width }) - 1;
        if (once) {
            this._once.add(map);
        }
        return map;
    }
}

/** `[1,c,h,w]` → `[1,c,h/b,b,w/b,b]` → transposed by 0,1,3,5,2,4 → `[1,c·b²,h/b,w/b]`. */
function SpaceToDepth(node: IOnnxNode, value: Value | undefined, shape: Value | undefined): Value | null {
    if (!IsInput(value)) {
        return null;
    }
    const { dims, reshaped, transposed } = value;
    if (node.op === "Transpose") {
        return reshaped && !transposed && node.numbers.perm.join() === "0,1,3,5,2,4"
            ? { ...value, transposed: true }
            : null;
    }
    if (shape?.kind !== "constant") {
        return null;
    }
    const target = Array.from(shape.data);
    if (reshaped === null) {
        const block = target[3];
        const wanted = [dims[0], dims[1], dims[2] / block, block, dims[3] / block, block];
        return target.join() === wanted.join() ? { ...value, reshaped: target } : null;
    }
    const block = reshaped[3];
    const wanted = [dims[0], dims[1] * block ** 2, dims[2] / block, dims[3] / block];
    return transposed && target.join() === wanted.join()
        ? { ...value, block, reshaped: null, transposed: false }
        : null;
}

function IsInput(value: Value | undefined): value is IInput {
    return value?.kind === "input";
}

/** Weights `[outputs, channels of all parts, taps]` from those of each part. */
function Interleave(parts: readonly { weights: Float32Array }[], outputs: number): Float32Array {
    const lengths = parts.map(({ weights }) => weights.length / outputs);
    const row = lengths.reduce((sum, length) => sum + length, 0);
    const all = new Float32Array(outputs * row);
    for (let o = 0; o < outputs; o++) {
        let at = o * row;
        parts.forEach(({ weights }, p) => {
            all.set(weights.subarray(o * lengths[p], (o + 1) * lengths[p]), at);
            at += lengths[p];
        });
    }
    return all;
}

/** Constants joined along axis 1. */
function ConcatConstants(values: readonly IConstant[]): IConstant {
    const [outputs, , ...rest] = values[0].dims;
    const parts = values.map(({ data }) => ({ weights: data }));
    return {
        kind: "constant",
        dims: [outputs, values.reduce((sum, { dims }) => sum + dims[1], 0), ...rest],
        data: Interleave(parts, outputs),
    };
}

function Unknown(node: IOnnxNode): FlexAvatarError {
    return new FlexAvatarError(
        "models-mismatch",
        `The driver network has a ${node.op} (${node.name}) that the shaders do not know.`,
    );
}
