/**
 * FLAME's coefficients over time, as trackers of faces write them: arrays of a `.npz`, or fields of a packet. Which
 * array is what is told by its name; names of many trackers are known.
 */
import { NearestRotation, RotationOfAxisAngle } from "../../flame/rotation.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { IFlameCoefficients } from "./flameFaceMap.js";
import { NumbersOf, ReadNpz } from "./npz.js";
import type { INumberArray } from "./numberArray.js";

/** One frame: coefficients, and 3×3 row-major rotations of joints in their parents' frames. */
export interface IFlameFrame extends IFlameCoefficients {
    /** The whole head, in the tracker's own world. */
    rotation?: Float64Array;
    neck?: Float64Array;
    leftEye?: Float64Array;
    rightEye?: Float64Array;
}

/** A tracked performance. */
export interface IFlameSequence {
    readonly frames: readonly IFlameFrame[];
    /** Seconds of each frame, or null where the file does not say. */
    readonly times: Float64Array | null;
    /** 0 where the file does not say. */
    readonly frameRate: number;
    /** Names of arrays that mean nothing here. */
    readonly unknown: readonly string[];
}

type Part =
    | "expression"
    | "jaw"
    | "rotation"
    | "neck"
    | "eyes"
    | "leftEye"
    | "rightEye"
    | "eyelids"
    | "poses"
    | "fps"
    | "times"
    | "silent";

/** Names without case, underscores and a `flame`, `param` or `coeff` around them. */
const PartByName: Readonly<Record<string, Part>> = Object.freeze({
    expr: "expression",
    exp: "expression",
    expression: "expression",
    expcode: "expression",
    expressions: "expression",
    jaw: "jaw",
    jawpose: "jaw",
    jawrotation: "jaw",
    rotation: "rotation",
    globalorient: "rotation",
    globalrot: "rotation",
    globalrotation: "rotation",
    globalpose: "rotation",
    rootpose: "rotation",
    headpose: "rotation",
    neck: "neck",
    neckpose: "neck",
    neckrotation: "neck",
    eyes: "eyes",
    eyepose: "eyes",
    eyespose: "eyes",
    leyepose: "leftEye",
    lefteyepose: "leftEye",
    reyepose: "rightEye",
    righteyepose: "rightEye",
    eyelid: "eyelids",
    eyelids: "eyelids",
    pose: "poses",
    posecode: "poses",
    fps: "fps",
    framerate: "fps",
    times: "times",
    timestamps: "times",
    timestamp: "times",
    time: "times",
    ...Object.fromEntries(
        (
            "shape shapecode betas identity translation transl trans scale staticoffset dynamicoffset cam camera k rt r t " +
            "focallength principalpoint imagesize timestepid timestep frameid frameids nprocessedframes lights light tex " +
            "texture texpca sh vertices verts landmarks gender"
        )
            .split(" ")
            .map((name) => [name, "silent" as Part]),
    ),
});

/** What an array or a field means, or undefined. */
export function FlamePartOf(name: string): Part | undefined {
    const key = name
        .toLowerCase()
        .replace(/[^a-z]/g, "")
        .replace(/^flame(?=.)/, "")
        .replace(/(?:params?|coeffs?|coefficients?)$/, "");
    return Object.hasOwn(PartByName, key) ? PartByName[key] : undefined;
}

const Wrong = (what: string): FlexAvatarError =>
    new FlexAvatarError("file-format", `This is no sequence of FLAME's coefficients that can be read: ${what}.`);

/** Frames of one sequence. */
const MaxFrames = 100_000;

/**
 * Reads a sequence.
 * @param bytes a whole `.npz`
 * @throws FlexAvatarError `file-format` if it is none or damaged, `pickle-refused`
 */
export function ReadFlameSequence(bytes: Uint8Array): IFlameSequence {
    const arrays = new Map<Part, INumberArray>();
    const unknown: string[] = [];
    for (const [name, content] of ReadNpz(bytes, (one) => FlamePartOf(one) !== "silent")) {
        const part = FlamePartOf(name);
        const numbers = NumbersOf(content);
        if (part && numbers && !arrays.has(part)) {
            arrays.set(part, numbers);
        } else {
            unknown.push(name);
        }
    }
    const first = ["expression", "jaw", "rotation", "neck", "eyes", "poses", "eyelids"]
        .map((part) => arrays.get(part as Part))
        .find((array) => array !== undefined);
    if (!first) {
        throw Wrong(`it has neither expressions nor poses, but ${unknown.join(", ") || "nothing"}`);
    }
    const { shape } = first;
    // [X], [T, X] or, from trackers that work in batches, [1, T, X]
    const count = shape.length < 2 ? 1 : shape.length > 2 && shape[0] === 1 ? shape[1] : shape[0];
    if (count < 1 || count > MaxFrames) {
        throw Wrong(`it has ${count} frames`);
    }
    const rows = (part: Part): ((frame: number) => ArrayLike<number> | undefined) => {
        const array = arrays.get(part);
        if (!array) {
            return () => undefined;
        }
        const length = array.values.length;
        const isConstant = length % count !== 0 || (array.shape.length < 2 && count > 1 && length !== count);
        const width = isConstant ? length : length / count;
        return (frame) =>
            array.values.subarray(isConstant ? 0 : frame * width, isConstant ? width : (frame + 1) * width);
    };
    const parts = new Map([...arrays.keys()].map((part) => [part, rows(part)]));
    const frames = Array.from({ length: count }, (_, frame) => FrameOf((part) => parts.get(part)?.(frame)));
    const times = arrays.get("times")?.values;
    return {
        frames,
        times: times && times.length === count ? times : null,
        frameRate: arrays.get("fps")?.values[0] ?? 0,
        unknown,
    };
}

/**
 * One frame of its parts.
 * @param take gives the numbers of a part, or undefined
 */
export function FrameOf(take: (part: Part) => ArrayLike<number> | undefined): IFlameFrame {
    const frame: { -readonly [key in keyof IFlameFrame]: IFlameFrame[key] } = {};
    const finite = (part: Part): ArrayLike<number> | undefined => {
        const values = take(part);
        return values && Array.prototype.every.call(values, Number.isFinite) && values.length > 0 ? values : undefined;
    };
    const expression = finite("expression");
    if (expression) {
        frame.expression = expression;
    }
    const poses = finite("poses"); // the whole head and the jaw in one, as DECA has them
    const jaw = finite("jaw") ?? (poses && poses.length >= 6 ? Part3(poses, poses.length - 3) : undefined);
    if (jaw) {
        frame.jaw = jaw.length === 3 ? jaw : AxisAngleOf(RotationOf(jaw, 0, jaw.length));
    }
    const rotation = finite("rotation") ?? (poses && Part3(poses, 0));
    frame.rotation = rotation && RotationOf(rotation, 0, rotation.length);
    const neck = finite("neck");
    frame.neck = neck && RotationOf(neck, 0, neck.length);
    const eyes = finite("eyes");
    const half = eyes ? eyes.length / 2 : 0;
    const [left, right] = [finite("leftEye"), finite("rightEye")];
    frame.leftEye = left ? RotationOf(left, 0, left.length) : eyes && RotationOf(eyes, 0, half);
    frame.rightEye = right ? RotationOf(right, 0, right.length) : eyes && RotationOf(eyes, half, half);
    const eyelids = finite("eyelids");
    if (eyelids && eyelids.length >= 2) {
        frame.eyelids = eyelids;
    }
    return frame;
}

function Part3(values: ArrayLike<number>, from: number): ArrayLike<number> {
    return [values[from], values[from + 1], values[from + 2]];
}

/** Axis-angle (3 numbers), the first two rows of a rotation (6) or all of it (9). Undefined for anything else. */
function RotationOf(values: ArrayLike<number>, at: number, count: number): Float64Array | undefined {
    const rotation = new Float64Array(9);
    if (count === 3) {
        RotationOfAxisAngle(values[at], values[at + 1], values[at + 2], rotation);
        return rotation;
    }
    if (count !== 6 && count !== 9) {
        return undefined;
    }
    for (let i = 0; i < count; i++) {
        rotation[i] = values[at + i];
    }
    if (count === 6) {
        const [a, b] = [rotation.subarray(0, 3), rotation.subarray(3, 6)];
        const length = Math.hypot(a[0], a[1], a[2]) || 1;
        a.forEach((value, i) => (a[i] = value / length));
        const dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
        b.forEach((value, i) => (b[i] = value - dot * a[i]));
        const rest = Math.hypot(b[0], b[1], b[2]) || 1;
        b.forEach((value, i) => (b[i] = value / rest));
        rotation.set([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]], 6);
    }
    NearestRotation(rotation);
    return rotation;
}

function AxisAngleOf(r: Float64Array | undefined): number[] {
    if (!r) {
        return [0, 0, 0];
    }
    const angle = Math.acos(Math.min(1, Math.max(-1, (r[0] + r[4] + r[8] - 1) / 2)));
    const scale = angle < 1e-6 ? 0.5 : angle / (2 * Math.sin(angle) || 1);
    return [scale * (r[7] - r[5]), scale * (r[2] - r[6]), scale * (r[3] - r[1])];
}

/** The rotation in the middle of all: what a head that is tracked in a world of its own has at rest. */
export function MiddleRotation(frames: readonly IFlameFrame[]): Float64Array {
    const sum = new Float64Array(9);
    for (const { rotation } of frames) {
        rotation?.forEach((value, i) => (sum[i] += value / frames.length));
    }
    NearestRotation(sum);
    return sum;
}
