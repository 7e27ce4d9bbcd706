/** A face clip as JSON, nothing left out: what scene files hold, and what `ParseFaceClip` reads back. */
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNames } from "../../flame/expression.js";
import type { IFaceClipData } from "./faceClipData.js";
import { FaceJointNames } from "./faceSource.js";

const Format = "flexavatar-face-clip";
/** Most frames of a clip: five hours at 60 a second. */
const MostFrames = 1_080_000;

/** The file. Names of columns come with it, so that a reader need not know their order. */
export interface IFaceClipJson {
    /** Tells such files from others. */
    readonly format: typeof Format;
    /** Of the layout. */
    readonly version: 1;
    /** Of the clip. */
    readonly name: string;
    /** [n] seconds. */
    readonly times: readonly number[];
    /** [n] by name, of the tracks that the clip has. */
    readonly weights: Readonly<Record<string, readonly number[]>>;
    /** [4n] quaternions x, y, z, w in canonical axes, by joint, of those that the clip turns. */
    readonly turns: Readonly<Record<string, readonly number[]>>;
    /** [3n] meters that the torso is moved, canonical axes. */
    readonly lift: readonly number[];
}

/** Numbers of files, to a hundred-thousandth. */
function Rounded(values: Iterable<number>): number[] {
    return Array.from(values, (value) => Math.round(1e5 * value) / 1e5);
}

/** Every `step`-th run of `width` numbers, from the `first` on. */
function Column(values: Float32Array, first: number, step: number, width = 1): number[] {
    const column: number[] = [];
    for (let at = first; at < values.length; at += step) {
        column.push(...values.subarray(at, at + width));
    }
    return Rounded(column);
}

export function FaceClipToJson(data: IFaceClipData): IFaceClipJson {
    const { name, times, weights, says, turns, saysTurns, lift } = data;
    const tracks = ArkitNames.flatMap((track, i) =>
        says[i] > 0 ? [[track, Column(weights, i, ArkitNames.length)]] : [],
    );
    const joints = FaceJointNames.flatMap((joint, i) =>
        saysTurns[i] > 0 ? [[joint, Column(turns, 4 * i, 4 * FaceJointNames.length, 4)]] : [],
    );
    return {
        format: Format,
        version: 1,
        name,
        times: Rounded(times),
        weights: Object.fromEntries(tracks) as IFaceClipJson["weights"],
        turns: Object.fromEntries(joints) as IFaceClipJson["turns"],
        lift: Rounded(lift),
    };
}

/** Whether JSON says that it is such a clip. */
export function IsFaceClipJson(json: object): boolean {
    return "format" in json && json.format === Format;
}

/** @throws FlexAvatarError `file-format` */
export function FaceClipFromJson(json: object): IFaceClipData {
    const { version, name, times, weights, turns, lift } = json as Partial<Record<keyof IFaceClipJson, unknown>>;
    const list = Numbers(times, Array.isArray(times) ? times.length : 0, "times");
    const n = list.length;
    if (version !== 1 || typeof name !== "string" || n === 0 || n > MostFrames) {
        throw Wrong(`it is of version ${String(version)}, or has ${n} frames`);
    }
    if (list.some((time, i) => i > 0 && !(time > list[i - 1]))) {
        throw Wrong("its times do not rise");
    }
    const data = {
        name,
        times: Float64Array.from(list),
        weights: new Float32Array(n * ArkitNames.length),
        says: new Uint8Array(ArkitNames.length),
        turns: new Float32Array(4 * n * FaceJointNames.length).map((_, i) => Number(i % 4 === 3)),
        saysTurns: new Uint8Array(FaceJointNames.length),
        lift: Float32Array.from(Numbers(lift, 3 * n, "lift")),
        unknown: [] as string[],
    };
    Take(weights, ArkitNames, data.says, data.weights, 1, n, data.unknown);
    Take(turns, FaceJointNames, data.saysTurns, data.turns, 4, n, data.unknown);
    return data;
}

/** Columns of a table into the places that their names have. */
function Take(
    table: unknown,
    names: readonly string[],
    says: Uint8Array,
    into: Float32Array,
    width: number,
    n: number,
    unknown: string[],
): void {
    if (typeof table !== "object" || table === null || Array.isArray(table)) {
        throw Wrong("its columns are no table");
    }
    for (const [name, values] of Object.entries(table)) {
        const index = names.indexOf(name);
        if (index < 0) {
            unknown.push(name);
            continue;
        }
        says[index] = 1;
        Numbers(values, width * n, name).forEach((value, i) => {
            into[width * (names.length * Math.floor(i / width) + index) + (i % width)] = value;
        });
    }
}

function Numbers(values: unknown, wanted: number, what: string): readonly number[] {
    if (!Array.isArray(values) || values.length !== wanted || !values.every(Number.isFinite)) {
        throw Wrong(`${what} is no list of ${wanted} numbers`);
    }
    return values as number[];
}

function Wrong(why: string): FlexAvatarError {
    return new FlexAvatarError("file-format", `This is no face performance that can be read: ${why}.`);
}
