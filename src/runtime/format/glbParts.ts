/** Arrays of a glTF binary as they come: accessors, buffer views and pictures are numbered in the order they are added. */
import { WriteGlb } from "./glb.js";

/** Numbers of glTF: component types and targets of buffers. */
const ComponentTypes = [
    [Float32Array, 5126],
    [Uint32Array, 5125],
    [Uint16Array, 5123],
    [Uint8Array, 5121],
] as const;
const Lengths = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 } as const;
/** What a buffer view is for. */
export const [VertexTarget, IndexTarget] = [34962, 34963];

type Numbers = Float32Array | Uint32Array | Uint16Array | Uint8Array;

/** How an array is read. */
export interface IAccessorSettings {
    readonly target?: number;
    /** Writes the least and the largest of each component. */
    readonly bounded?: boolean;
    /** Whether whole numbers mean 0 to 1. */
    readonly normalized?: boolean;
}

/** Collects what a glTF binary refers to. */
export class GlbParts {
    private readonly _accessors: object[] = [];
    private readonly _views: object[] = [];
    private readonly _images: object[] = [];
    private readonly _parts: Uint8Array[] = [];
    private _length = 0;

    /** @returns the index of the accessor */
    public add(array: Numbers, type: keyof typeof Lengths, settings: IAccessorSettings = {}): number {
        const { target, bounded, normalized } = settings;
        const bufferView = this._view(array, target);
        const [, componentType] = ComponentTypes.find(([kind]) => array instanceof kind)!;
        const count = array.length / Lengths[type];
        return this._accessor({
            bufferView,
            componentType,
            count,
            type,
            ...(normalized ? { normalized } : {}),
            ...(bounded ? Bounds(array, Lengths[type]) : {}),
        });
    }

    /**
     * An accessor of VEC3 that is zero but for some.
     * @param count of all
     * @param indices ascending, at least one
     * @param values [indices,3]
     */
    public addSparse(count: number, indices: Uint16Array, values: Float32Array): number {
        const { min, max } = Bounds(values, 3);
        const all = indices.length === count;
        return this._accessor({
            componentType: 5126,
            count,
            type: "VEC3",
            min: min.map((value) => (all ? value : Math.min(0, value))),
            max: max.map((value) => (all ? value : Math.max(0, value))),
            sparse: {
                count: indices.length,
                indices: { bufferView: this._view(indices), componentType: 5123 },
                values: { bufferView: this._view(values) },
            },
        });
    }

    /** @returns the index of the picture */
    public addPng(bytes: Uint8Array): number {
        this._images.push({ bufferView: this._view(bytes), mimeType: "image/png" });
        return this._images.length - 1;
    }

    /** @param gltf all but accessors, buffers and pictures */
    public write(gltf: object): Uint8Array<ArrayBuffer> {
        const body = new Uint8Array(this._length);
        let at = 0;
        for (const part of this._parts) {
            body.set(part, at);
            at += 4 * Math.ceil(part.length / 4);
        }
        return WriteGlb(
            {
                asset: { version: "2.0", generator: "babylon-flexavatar" },
                ...gltf,
                accessors: this._accessors,
                bufferViews: this._views,
                buffers: [{ byteLength: this._length }],
                ...(this._images.length > 0 ? { images: this._images } : {}),
            },
            body,
        );
    }

    private _accessor(accessor: object): number {
        this._accessors.push(accessor);
        return this._accessors.length - 1;
    }

    private _view(array: Numbers, target?: number): number {
        const { byteLength } = array;
        this._views.push({ buffer: 0, byteOffset: this._length, byteLength, ...(target ? { target } : {}) });
        this._parts.push(new Uint8Array(array.buffer, array.byteOffset, byteLength));
        this._length += 4 * Math.ceil(byteLength / 4);
        return this._views.length - 1;
    }
}

function Bounds(array: Numbers, length: number): { min: number[]; max: number[] } {
    const min = new Array<number>(length).fill(Infinity);
    const max = new Array<number>(length).fill(-Infinity);
    for (let i = 0; i < array.length; i++) {
        min[i % length] = Math.min(min[i % length], array[i]);
        max[i % length] = Math.max(max[i % length], array[i]);
    }
    return { min, max };
}
