/** The names that a pickle may use, and the plain data that each becomes. Nothing else of Python exists here. */
import { DecodeArray, CountOf, ElementTypeOf, MaxNumbers, WrongArray, type INumberArray } from "./numberArray.js";

/** An object of one of the allowed names. Only data: `state` is what Python would have given to it. */
export class PickleObject {
    /** What the pickle says of its inside, or null. */
    public state: unknown = null;

    public constructor(
        /** Module and name, as `numpy ndarray`. */
        public readonly name: string,
        /** What it was made with. */
        public readonly args: readonly unknown[],
    ) {}
}

/** Something that makes plain data where Python would have made an object. */
export interface IPickleConstructor {
    readonly isConstructor: true;
    readonly name: string;
    readonly make: (args: readonly unknown[]) => unknown;
}

const Kept = (name: string): [string, IPickleConstructor["make"]] => [name, (args) => new PickleObject(name, args)];
const List = (name: string): [string, IPickleConstructor["make"]] => [
    name,
    (args) => (Array.isArray(args[0]) ? (args[0] as unknown[]).slice() : []),
];

/** Of the class in front, as Python 2 makes objects and numpy makes empty arrays. */
const OfFirst: IPickleConstructor["make"] = ([first, ...rest]) =>
    new PickleObject((first as IPickleConstructor | undefined)?.name ?? "object", rest);

const Makers: ReadonlyMap<string, IPickleConstructor["make"]> = new Map([
    Kept("numpy ndarray"),
    Kept("numpy dtype"),
    Kept("numpy.core.multiarray scalar"),
    ["numpy.core.multiarray _reconstruct", OfFirst],
    ["copy_reg _reconstructor", OfFirst],
    ["copyreg _reconstructor", OfFirst],
    Kept("__builtin__ object"),
    Kept("builtins object"),
    ...["csc_matrix", "csr_matrix", "csc_array", "csr_array"].map((name) =>
        Kept(`scipy.sparse.${name.slice(0, 3)} ${name}`),
    ),
    ...["coo_matrix", "coo_array"].map((name) => Kept(`scipy.sparse.coo ${name}`)),
    ...["__builtin__ set", "__builtin__ frozenset", "builtins set", "builtins frozenset"].map(List),
    ["collections OrderedDict", (args) => PairsToMap(args[0])],
    // How Python 3 writes byte strings for Python 2.
    ["_codecs encode", ([text]) => BytesOf(text)],
    ["numpy.core.numeric _frombuffer", FromBuffer],
]);

function BytesOf(text: unknown): Uint8Array {
    const letters = typeof text === "string" ? text : "";
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < bytes.length; i++) {
        bytes[i] = letters.charCodeAt(i);
    }
    return bytes;
}

/** Numpy's arrays of protocol 5: bytes, type, shape and order, in the place of a state. */
function FromBuffer([bytes, type, shape, order]: readonly unknown[]): PickleObject {
    const array = new PickleObject("numpy ndarray", []);
    array.state = [shape, type, TextOf(order) === "F", bytes];
    return array;
}

function PairsToMap(pairs: unknown): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    for (const pair of Array.isArray(pairs) ? (pairs as unknown[]) : []) {
        if (Array.isArray(pair)) {
            map.set(pair[0], pair[1]);
        }
    }
    return map;
}

/**
 * The constructor of a name, or null if it is not allowed.
 * @param wanted module and name with a space between, as a pickle has them
 */
export function ConstructorOf(wanted: string): IPickleConstructor | null {
    const name = wanted.replace(/^numpy\._core\./, "numpy.core.").replace(/^scipy\.sparse\._/, "scipy.sparse.");
    // Chumpy's classes are records of arrays. Their names do not matter: what they hold is looked up by field.
    const make = Makers.get(name) ?? (/^chumpy(?:\.\w+)* \w+$/.test(name) ? Kept("chumpy Ch")[1] : undefined);
    return make ? { isConstructor: true, name, make } : null;
}

/** A text of Python 2 or 3, or null if the value is none. */
export function TextOf(value: unknown): string | null {
    if (typeof value === "string") {
        return value;
    }
    return value instanceof Uint8Array && value.length <= 4096 ? Latin1(value) : null;
}

/** One letter for each byte. */
export function Latin1(bytes: Uint8Array): string {
    const parts: string[] = [];
    for (let at = 0; at < bytes.length; at += 8192) {
        parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
    }
    return parts.join("");
}

/** The value of a field of a dictionary or of an object's state. */
export function FieldOf(value: unknown, ...names: readonly string[]): unknown {
    const map = value instanceof PickleObject ? value.state : value;
    if (map instanceof Map) {
        const fields = map as Map<unknown, unknown>;
        return names.map((name) => fields.get(name)).find((field) => field !== undefined);
    }
    return undefined;
}

/** Objects of chumpy hold objects of chumpy. */
const MaxDepth = 8;

/**
 * The numbers of an array of numpy, a matrix of scipy, an object of chumpy, a list or a number.
 * @returns undefined if it is none of them
 * @throws FlexAvatarError `file-format` if it is one, and damaged
 */
export function ArrayOf(value: unknown, depth = 0): INumberArray | undefined {
    if (typeof value === "number" || typeof value === "boolean") {
        return { shape: [], values: Float64Array.of(Number(value)) };
    }
    if (Array.isArray(value)) {
        return ListArray(value as unknown[]);
    }
    if (!(value instanceof PickleObject) || depth > MaxDepth) {
        return undefined;
    }
    if (value.name === "numpy ndarray") {
        return NumpyArray(value.state);
    }
    if (value.name === "numpy.core.multiarray scalar") {
        const type = TypeOf(value.args[0]);
        const bytes = value.args[1];
        return type && bytes instanceof Uint8Array ? DecodeArray(bytes, type, [], false) : undefined;
    }
    if (value.name.startsWith("scipy.sparse.")) {
        return SparseArray(value);
    }
    return ArrayOf(FieldOf(value, "x"), depth + 1);
}

function ListArray(list: readonly unknown[]): INumberArray | undefined {
    if (list.length > MaxNumbers || !list.every((item) => typeof item === "number")) {
        return undefined;
    }
    return { shape: [list.length], values: Float64Array.from(list as readonly number[]) };
}

/** Version, shape, type, order and bytes, as numpy writes them; before version 1 without the version. */
function NumpyArray(state: unknown): INumberArray | undefined {
    if (!Array.isArray(state)) {
        throw WrongArray("an array of its pickle has no inside");
    }
    const [shape, type, isFortran, bytes] = (state as unknown[]).slice(-4);
    const element = TypeOf(type);
    if (!Array.isArray(shape) || !element) {
        return undefined; // texts and objects
    }
    CountOf(shape as unknown[]);
    if (!(bytes instanceof Uint8Array)) {
        throw WrongArray("an array of its pickle has no bytes");
    }
    return DecodeArray(bytes, element, shape as number[], isFortran === true || isFortran === 1);
}

function TypeOf(type: unknown): ReturnType<typeof ElementTypeOf> {
    if (!(type instanceof PickleObject) || type.name !== "numpy dtype") {
        return null;
    }
    const order = Array.isArray(type.state) ? TextOf((type.state as unknown[])[1]) : null;
    return ElementTypeOf(TextOf(type.args[0]) ?? "", order ?? "<");
}

/** Compressed columns or rows, or a list of places. */
function SparseArray(matrix: PickleObject): INumberArray {
    const field = (...names: string[]): ArrayLike<number> => {
        const array = ArrayOf(FieldOf(matrix, ...names));
        if (!array) {
            throw WrongArray(`a sparse matrix of its pickle has no ${names[0]}`);
        }
        return array.values;
    };
    const shape = Array.from(field("_shape", "shape"));
    const dense = new Float64Array(CountOf(shape));
    const data = field("data");
    if (shape.length !== 2) {
        throw WrongArray(`a sparse matrix of its pickle has ${shape.length} axes`);
    }
    const put = (row: number, column: number, value: number): void => {
        if (!(row >= 0 && row < shape[0] && column >= 0 && column < shape[1])) {
            throw WrongArray(`a sparse matrix of its pickle has an entry at ${row}, ${column}`);
        }
        dense[row * shape[1] + column] += value;
    };
    if (matrix.name.includes("coo")) {
        const [rows, columns] = [field("row"), field("col")];
        for (let k = 0; k < data.length; k++) {
            put(rows[k], columns[k], data[k]);
        }
        return { shape, values: dense };
    }
    const [starts, indices] = [field("indptr"), field("indices")];
    const isByColumn = matrix.name.includes("csc");
    for (let outer = 0; outer + 1 < starts.length; outer++) {
        if (!(starts[outer] >= 0 && starts[outer + 1] >= starts[outer] && starts[outer + 1] <= data.length)) {
            throw WrongArray("a sparse matrix of its pickle has entries outside of it");
        }
        for (let k = starts[outer]; k < starts[outer + 1]; k++) {
            put(isByColumn ? indices[k] : outer, isByColumn ? outer : indices[k], data[k]);
        }
    }
    return { shape, values: dense };
}
