/** Numpy's `.npz`: a zip of `.npy` files. Members are inflated one after the other, and never further than allowed. */
import { ZipReader } from "../format/zipReader.js";
import { Finish } from "../slices.js";
import { MaxNumbers, WrongArray, type INumberArray } from "./numberArray.js";
import { ParseNpy, type NpyContent } from "./npy.js";

/** Most numbers of all arrays that are read: bytes become eight times as many. */
const MaxNpzNumbers = 2 * MaxNumbers;

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
    const zip = new ZipReader(bytes, WrongArray);
    const arrays = new Map<string, NpyContent>();
    let numbers = 0;
    for (const path of zip.paths) {
        const name = path.replace(/\.npy$/, "");
        if (name === path || !wanted(name)) {
            continue;
        }
        const content = ParseNpy(Finish(zip.read(path)));
        numbers += NumbersOf(content)?.values.length ?? 0;
        if (numbers > MaxNpzNumbers) {
            throw WrongArray(`its arrays have more than ${MaxNpzNumbers} numbers`);
        }
        arrays.set(name, content);
    }
    if (zip.paths.length === 0) {
        throw WrongArray("it is a zip without members");
    }
    return arrays;
}

/** The numbers of an array of {@link ReadNpz}, or undefined if it is none. */
export function NumbersOf(content: NpyContent | undefined): INumberArray | undefined {
    return content && "values" in content ? content : undefined;
}
