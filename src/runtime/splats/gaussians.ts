/** Gaussians of any origin as plain lists, and the checks that every reader of them makes. */
import { FlexAvatarError } from "../../flame/error.js";

/** Most Gaussians of a file that is read: 28 bytes each on the GPU, three levels of detail. */
export const MostGaussians = 1_000_000;
/** Numbers beyond this are no place and no size. */
const MaxValue = 1e7;
/** Sizes below this many units are taken for it: files hold logarithms, and zeros for flat Gaussians. */
const LeastSize = 1e-9;

/** n Gaussians. Units and axes are those of the file until they are placed. */
export interface IGaussians {
    readonly count: number;
    /** [n,3] */
    readonly places: Float32Array;
    /** [n,3] standard deviations. */
    readonly sizes: Float32Array;
    /** [n,4] quaternions x, y, z, w of unit length. */
    readonly turns: Float32Array;
    /** [n,3] sRGB-encoded, 0..1. */
    readonly colors: Float32Array;
    /** [n] 0..1 */
    readonly opacities: Float32Array;
}

/** The error of every reader of Gaussians. @param text what is wrong, as the end of a sentence */
export function WrongGaussians(text: string, cause?: unknown): FlexAvatarError {
    return new FlexAvatarError("file-format", `This is not a readable file of Gaussians: ${text}.`, { cause });
}

/** @throws FlexAvatarError `file-format` for none, or more than {@link MostGaussians} */
export function CheckCount(count: number): number {
    if (!Number.isSafeInteger(count) || count < 1 || count > MostGaussians) {
        throw WrongGaussians(`it speaks of ${count} Gaussians; 1 to ${MostGaussians} can be read`);
    }
    return count;
}

/** Empty lists for `count` Gaussians. */
export function CreateGaussians(count: number): IGaussians {
    return {
        count,
        places: new Float32Array(3 * count),
        sizes: new Float32Array(3 * count),
        turns: new Float32Array(4 * count),
        colors: new Float32Array(3 * count),
        opacities: new Float32Array(count),
    };
}

/**
 * Brings quaternions to unit length and colors and opacities into their ranges, in place.
 * @throws FlexAvatarError `file-format` for numbers that are none
 */
export function CheckGaussians(gaussians: IGaussians): IGaussians {
    const { count, places, sizes, turns, colors, opacities } = gaussians;
    for (const [name, values] of Object.entries({ places, sizes, turns, colors, opacities })) {
        const at = values.findIndex((value) => !(Math.abs(value) <= MaxValue));
        if (at >= 0) {
            throw WrongGaussians(`number ${at} of its ${name} is ${values[at]}`);
        }
    }
    for (let i = 0; i < 3 * count; i++) {
        sizes[i] = Math.max(LeastSize, sizes[i]);
        colors[i] = Math.min(1, Math.max(0, colors[i]));
    }
    for (let i = 0; i < count; i++) {
        opacities[i] = Math.min(1, Math.max(0, opacities[i]));
        const at = 4 * i;
        const length = Math.hypot(turns[at], turns[at + 1], turns[at + 2], turns[at + 3]);
        for (let k = 0; k < 4; k++) {
            turns[at + k] = length > 1e-9 ? turns[at + k] / length : Number(k === 3);
        }
    }
    return gaussians;
}

/** Those that are wanted, in the order of `which`. */
export function TakeGaussians(from: IGaussians, which: ArrayLike<number>): IGaussians {
    const into = CreateGaussians(which.length);
    for (let i = 0; i < which.length; i++) {
        const g = which[i];
        into.places.set(from.places.subarray(3 * g, 3 * g + 3), 3 * i);
        into.sizes.set(from.sizes.subarray(3 * g, 3 * g + 3), 3 * i);
        into.turns.set(from.turns.subarray(4 * g, 4 * g + 4), 4 * i);
        into.colors.set(from.colors.subarray(3 * g, 3 * g + 3), 3 * i);
        into.opacities[i] = from.opacities[g];
    }
    return into;
}
