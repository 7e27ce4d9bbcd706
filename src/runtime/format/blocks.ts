/** Typed arrays in a file's body: how they are put there, and how they are read after every number was checked. */
import { AsCount, AsObject, Align, LittleEndian, Product, WrongFile } from "./fileChecks.js";

/** Element types of blocks. */
export type BlockType = "f16" | "f32" | "u8" | "u16" | "u32";
const TypeBytes: Readonly<Record<BlockType, number>> = { f16: 2, f32: 4, u8: 1, u16: 2, u32: 4 };

/** Largest size of a block with more than one dimension. A map of this edge takes 235 MB in memory. */
const MaxEdge = 2048;

/** Elements of a block, halves as their bits. */
export type BlockData = Uint16Array | Uint32Array | Float32Array | Uint8Array;

/** Where a block lies. */
interface IPlace {
    offset: number;
    bytes: number;
}

/** Collects blocks one after the other, each from a multiple of four on. */
export class BlockWriter {
    private readonly _contents: Uint8Array[] = [];
    private _size = 0;

    /** Bytes so far, a multiple of four. */
    public get size(): number {
        return this._size;
    }

    /** @returns where the bytes will lie in {@link body} */
    public add(data: BlockData): IPlace {
        const place = { offset: this._size, bytes: data.byteLength };
        this._contents.push(LittleEndian(data));
        this._size += Align(data.byteLength);
        return place;
    }

    /** All blocks, with zeros between them. */
    public body(): Uint8Array<ArrayBuffer> {
        const body = new Uint8Array(this._size);
        let at = 0;
        for (const content of this._contents) {
            body.set(content, at);
            at += Align(content.byteLength);
        }
        return body;
    }
}

/** Blocks of a file that is read. */
export class BlockReader {
    /**
     * @param _blocks descriptions by name, not checked yet
     * @param _body what places count from
     * @param _placeOf where a description says that its block lies; it throws where that is nonsense
     */
    public constructor(
        private readonly _blocks: Record<string, unknown>,
        private readonly _body: Uint8Array,
        private readonly _placeOf: (block: Record<string, unknown>, name: string) => IPlace,
    ) {}

    /** Whether there is a block of this name. */
    public has(name: string): boolean {
        return Object.hasOwn(this._blocks, name);
    }

    /**
     * Checks a block's description against the body and copies its bytes out.
     * @throws FlexAvatarError `file-format`
     */
    public read(name: string, dtype: BlockType, rank: number): { shape: number[]; data: Uint8Array<ArrayBuffer> } {
        if (!this.has(name)) {
            throw WrongFile(`it has no block ${name}`);
        }
        const block = AsObject(this._blocks[name], `block ${name}`);
        const { shape } = block;
        if (block.dtype !== dtype || !Array.isArray(shape) || shape.length !== rank) {
            throw WrongFile(`block ${name} is not ${dtype} with ${rank} dimensions`);
        }
        const sizes = shape.map((size, i) => AsCount(size, `${name}.shape[${i}]`));
        if (rank > 1 && sizes.some((size) => size > MaxEdge)) {
            throw WrongFile(`block ${name} has shape [${sizes.join(",")}]; each size may be at most ${MaxEdge}`);
        }
        const { offset, bytes } = this._placeOf(block, name);
        const end = offset + bytes;
        if (bytes !== Product(sizes) * TypeBytes[dtype] || offset % 4 !== 0 || end > this._body.byteLength) {
            throw WrongFile(
                `block ${name} lies at ${offset} + ${bytes} with shape [${sizes.join(",")}] ` +
                    `in a body of ${this._body.byteLength} bytes`,
            );
        }
        return { shape: sizes, data: this._body.slice(offset, end) as Uint8Array<ArrayBuffer> };
    }

    /** A list of exactly `wanted` entries. @throws FlexAvatarError `file-format` */
    public list(name: string, dtype: BlockType, wanted: number): Uint8Array<ArrayBuffer> {
        const { shape, data } = this.read(name, dtype, 1);
        if (shape[0] !== wanted) {
            throw WrongFile(`block ${name} has ${shape[0]} entries; wanted ${wanted}`);
        }
        return data;
    }
}
