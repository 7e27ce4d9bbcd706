/** The CPU's side of a uniform or of an array of structs. */
import type { IStructLayout } from "../layout.js";

/** Numbers of both kinds in the same bytes. */
export class StructData {
    public readonly bytes: ArrayBuffer;
    public readonly floats: Float32Array<ArrayBuffer>;
    public readonly words: Uint32Array<ArrayBuffer>;

    /** @param byteLength a multiple of 4 */
    public constructor(byteLength: number) {
        this.bytes = new ArrayBuffer(byteLength);
        this.floats = new Float32Array(this.bytes);
        this.words = new Uint32Array(this.bytes);
    }
}

/** One struct, or several in a row, filled by the names of their fields. */
export class StructArray<Field extends string> extends StructData {
    /** @param count structs */
    public constructor(
        private readonly _layout: IStructLayout<Field>,
        count = 1,
    ) {
        super(_layout.byteLength * count);
    }

    /** A field that is u32. @param index of the struct */
    public setWord(field: Field, value: number, index = 0): void {
        this.words[this._placeOf(field, index)] = value;
    }

    /** A field that is f32. @param index of the struct */
    public setFloat(field: Field, value: number, index = 0): void {
        this.floats[this._placeOf(field, index)] = value;
    }

    /** A field of several f32. @param index of the struct */
    public setFloats(field: Field, values: ArrayLike<number>, index = 0): void {
        this.floats.set(values, this._placeOf(field, index));
    }

    private _placeOf(field: Field, index: number): number {
        return (this._layout.byteLength * index + this._layout.offsets[field]) / 4;
    }
}

/** One struct whose fields are all u32. */
export function StructOfWords<Field extends string>(
    layout: IStructLayout<Field>,
    values: Readonly<Record<Field, number>>,
): StructArray<Field> {
    const struct = new StructArray(layout);
    for (const field of Object.keys(values) as Field[]) {
        struct.setWord(field, values[field]);
    }
    return struct;
}
