/** Numpy's `.npz`: a zip of `.npy` files. Members are inflated one after the other, and never further than allowed. */
import { Unzip, UnzipInflate } from "fflate";
import { FlexAvatarError } from "../../flame/error.js";
import { WrongArray, type INumberArray } from "./numberArray.js";
import { ParseNpy, type NpyContent } from "./npy.js";

/** Most bytes of one member after inflating, of all members, and most members. */
export const [MaxMemberBytes, MaxZipBytes, MaxMembers] = [2 ** 27, 2 ** 28, 4096];
/** So much is given to the inflater at once; it makes at most a thousand times of it before it is asked again. */
const StepBytes = 32768;

/** Whether the bytes begin as a zip. */
export function IsZip(bytes: Uint8Array): boolean {
    return bytes.length > 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/**
 * Reads the arrays of a `.npz`.
 * @param bytes the whole file
 * @param wanted asked for the name of each array, without `.npy`. Default: all
 * @returns arrays by name; those that hold neither numbers nor one object are null
 * @throws FlexAvatarError `file-format`, and `pickle-refused` if an object in it asks for more than data
 */
export function ReadNpz(
    bytes: Uint8Array,
    wanted: (name: string) => boolean = () => true,
): Map<string, Exclude<NpyContent, null> | null> {
    const arrays = new Map<string, NpyContent>();
    for (const [name, member] of Inflate(bytes, wanted)) {
        arrays.set(name, ParseNpy(member));
    }
    return arrays;
}

/** The numbers of an array of {@link ReadNpz}, or undefined if it is none. */
export function NumbersOf(content: NpyContent | undefined): INumberArray | undefined {
    return content && "values" in content ? content : undefined;
}

function Inflate(bytes: Uint8Array, wanted: (name: string) => boolean): Map<string, Uint8Array> {
    const members = new Map<string, Uint8Array>();
    let [count, total] = [0, 0];
    let failure: FlexAvatarError | null = null;
    const fail = (what: string, cause?: unknown): void => {
        failure ??= WrongArray(what, cause);
    };
    const unzip = new Unzip((file) => {
        const name = file.name.replace(/\.npy$/, "");
        if (++count > MaxMembers) {
            fail(`it has more than ${MaxMembers} arrays`);
        }
        if (failure || !file.name.endsWith(".npy") || !wanted(name)) {
            return;
        }
        const parts: Uint8Array[] = [];
        let size = 0;
        file.ondata = (error, part, isLast) => {
            if (error) {
                fail(`"${name}" is damaged`, error);
            }
            size += part?.length ?? 0;
            total += part?.length ?? 0;
            if (size > MaxMemberBytes || total > MaxZipBytes) {
                fail(`"${name}" is larger than allowed`);
            }
            if (failure) {
                return;
            }
            parts.push(part);
            if (isLast) {
                members.set(name, Joined(parts, size));
            }
        };
        file.start();
    });
    unzip.register(UnzipInflate);
    try {
        for (let at = 0; at < bytes.length && !failure; at += StepBytes) {
            const end = Math.min(bytes.length, at + StepBytes);
            unzip.push(bytes.subarray(at, end), end === bytes.length);
        }
    } catch (error) {
        fail("it is no zip, or it is damaged", error);
    }
    if (failure) {
        throw failure as FlexAvatarError;
    }
    if (count === 0) {
        throw WrongArray("it is a zip without members");
    }
    return members;
}

function Joined(parts: readonly Uint8Array[], size: number): Uint8Array {
    const whole = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
        whole.set(part, at);
        at += part.length;
    }
    return whole;
}
