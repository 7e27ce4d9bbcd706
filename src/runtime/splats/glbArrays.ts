/** Numbers of accessors of binary glTF, sparse ones too, all lengths checked. */
import { ReadGlb, type IGlb } from "../format/glb.js";
import { WrongGaussians } from "./gaussians.js";

/** Most numbers of an accessor. */
const MaxNumbers = 2 ** 24;
const Widths: Readonly<Record<string, number>> = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 };

type Json = Readonly<Record<string, unknown>>;

/** One component: bytes, what 1 is where numbers are normalised, and how it is read. */
const Components = new Map<unknown, readonly [bytes: number, one: number, read: (v: DataView, at: number) => number]>([
    [5120, [1, 127, (view, at) => view.getInt8(at)]],
    [5121, [1, 255, (view, at) => view.getUint8(at)]],
    [5122, [2, 32767, (view, at) => view.getInt16(at, true)]],
    [5123, [2, 65535, (view, at) => view.getUint16(at, true)]],
    [5125, [4, 1, (view, at) => view.getUint32(at, true)]],
    [5126, [4, 1, (view, at) => view.getFloat32(at, true)]],
]);

/** An object of the file's JSON. @throws FlexAvatarError `file-format` */
export function JsonObject(value: unknown, what: string): Json {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw WrongGaussians(`${what} of its glTF is not an object`);
    }
    return value as Json;
}

/** A list of the file's JSON; empty where there is none. @throws FlexAvatarError `file-format` */
export function JsonList(value: unknown, what: string, most = 65536): readonly unknown[] {
    if (value === undefined) {
        return [];
    }
    if (!Array.isArray(value) || value.length > most) {
        throw WrongGaussians(`${what} of its glTF is not a list of at most ${most}`);
    }
    return value;
}

/** Binary glTF with one buffer. */
export class GlbArrays {
    public readonly json: Json;
    private readonly _body: DataView;

    /** @throws FlexAvatarError `file-format` */
    public constructor(file: Uint8Array) {
        const { json, body } = OpenGlb(file);
        this.json = json;
        this._body = new DataView(body.buffer, body.byteOffset, body.byteLength);
    }

    /**
     * @param width numbers per element
     * @returns [count,width]; normalised integers as −1..1 or 0..1
     * @throws FlexAvatarError `file-format`
     */
    public read(index: unknown, width: number, what: string): Float64Array {
        const accessor = JsonObject(this._at("accessors", index), what);
        const { count, componentType, type, normalized, sparse } = accessor;
        if (
            !Object.hasOwn(Widths, String(type)) ||
            Widths[String(type)] !== width ||
            !Number.isSafeInteger(count) ||
            (count as number) < 0
        ) {
            throw WrongGaussians(`${what} of its glTF is no accessor of ${width} numbers each`);
        }
        const total = (count as number) * width;
        if (total > MaxNumbers) {
            throw WrongGaussians(`${what} of its glTF has ${total} numbers; at most ${MaxNumbers} are read`);
        }
        const values = new Float64Array(total);
        if (accessor.bufferView !== undefined) {
            this._readInto(accessor, componentType, count as number, width, what, (i, value) => (values[i] = value));
        }
        if (sparse !== undefined) {
            this._readSparse(JsonObject(sparse, what), componentType, count as number, width, what, values);
        }
        if (normalized === true) {
            const one = Components.get(componentType)?.[1] ?? 1;
            values.forEach((value, i) => (values[i] = Math.max(-1, value / one)));
        }
        return values;
    }

    private _readSparse(
        sparse: Json,
        componentType: unknown,
        count: number,
        width: number,
        what: string,
        values: Float64Array,
    ): void {
        const changed = sparse.count;
        if (!Number.isSafeInteger(changed) || (changed as number) < 0 || (changed as number) > count) {
            throw WrongGaussians(`${what} of its glTF changes ${String(changed)} of ${count} elements`);
        }
        const indices = new Float64Array(changed as number);
        const places = JsonObject(sparse.indices, what);
        this._readInto(places, places.componentType, indices.length, 1, what, (i, value) => (indices[i] = value));
        const changes = JsonObject(sparse.values, what);
        this._readInto(changes, componentType, indices.length, width, what, (i, value) => {
            const element = indices[Math.floor(i / width)];
            if (element >= count) {
                throw WrongGaussians(`${what} of its glTF changes element ${element} of ${count}`);
            }
            values[element * width + (i % width)] = value;
        });
    }

    private _readInto(
        { bufferView, byteOffset = 0 }: Json,
        componentType: unknown,
        count: number,
        width: number,
        what: string,
        take: (index: number, value: number) => void,
    ): void {
        const component = Components.get(componentType);
        const view = JsonObject(this._at("bufferViews", bufferView), what);
        const [start, length, offset] = [view.byteOffset ?? 0, view.byteLength, byteOffset];
        if (!component || view.buffer !== 0 || ![start, length, offset].every(IsCount)) {
            throw WrongGaussians(`${what} of its glTF is no part of the file`);
        }
        const [bytes, , read] = component;
        const stride = view.byteStride ?? bytes * width;
        const end = (offset as number) + (count - 1) * (stride as number) + bytes * width;
        if (
            !IsCount(stride) ||
            (stride as number) < bytes * width ||
            (count > 0 && end > (length as number)) ||
            (start as number) + (length as number) > this._body.byteLength
        ) {
            throw WrongGaussians(`${what} of its glTF goes beyond its part of the file`);
        }
        for (let i = 0; i < count; i++) {
            const at = (start as number) + (offset as number) + i * (stride as number);
            for (let k = 0; k < width; k++) {
                take(i * width + k, read(this._body, at + k * bytes));
            }
        }
    }

    private _at(list: string, index: unknown): unknown {
        return IsCount(index) ? JsonList(this.json[list], list)[index as number] : undefined;
    }
}

function OpenGlb(file: Uint8Array): IGlb {
    try {
        return ReadGlb(file);
    } catch (error) {
        throw WrongGaussians("its glTF is damaged", error);
    }
}

function IsCount(value: unknown): boolean {
    return Number.isSafeInteger(value) && (value as number) >= 0;
}
