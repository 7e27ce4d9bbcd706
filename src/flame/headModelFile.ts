/**
 * The container of a head model file: header, JSON table of arrays, body. Knows shapes and bytes, not heads;
 * what the arrays mean is checked in headModel.ts. The format is in docs/formats.md, "Head model file".
 */
import { FlexAvatarError } from "./error.js";

/** "FAHM", little-endian. */
export const HeadModelMagic = 0x4d484146;
/** Of the format. */
export const HeadModelVersion = 1;
const HeaderBytes = 12;

const ArrayTypes = {
    f32: Float32Array,
    u8: Uint8Array,
    i8: Int8Array,
    u16: Uint16Array,
    i16: Int16Array,
    u32: Uint32Array,
    i32: Int32Array,
} as const;

/** Element types that a head model file may hold. */
export type HeadModelDtype = keyof typeof ArrayTypes;

type ArrayOf<D extends HeadModelDtype> = InstanceType<(typeof ArrayTypes)[D]>;

/** Shape wanted of an array: a number must match, a name is bound by its first use and must match afterwards. */
export type WantedShape = readonly (number | string)[];

/** The error that every check of a head model file throws. */
export function HeadModelFileError(what: string, cause?: unknown): FlexAvatarError {
    return new FlexAvatarError("file-format", `ParseHeadModel: ${what}.`, {
        advice: "Fetch the head model file again, or build it again with training/headmodel.",
        cause,
    });
}

/** Reads typed, bounds-checked arrays and header fields of one head model file. */
export class HeadModelFile {
    /** The JSON header. Nothing in it has been checked but that it is an object. */
    public readonly json: Readonly<Record<string, unknown>>;
    private readonly _bytes: ArrayBuffer;
    private readonly _bodyStart: number;
    private readonly _dimensions = new Map<string, number>();

    /**
     * @param bytes the whole file; kept, the arrays are views of it
     * @throws FlexAvatarError `file-format` if the header cannot be read
     */
    public constructor(bytes: ArrayBuffer) {
        if (bytes.byteLength < HeaderBytes) {
            throw HeadModelFileError(`the file has ${bytes.byteLength} bytes, too few for a header`);
        }
        const [magic, version, jsonBytes] = new Uint32Array(bytes, 0, 3);
        if (magic !== HeadModelMagic) {
            throw HeadModelFileError("this is not a head model file (the first four bytes are not FAHM)");
        }
        if (version !== HeadModelVersion) {
            throw HeadModelFileError(`the file has version ${version}, this program reads version ${HeadModelVersion}`);
        }
        this._bodyStart = HeaderBytes + jsonBytes;
        if (jsonBytes % 4 !== 0 || this._bodyStart > bytes.byteLength) {
            throw HeadModelFileError(`its header claims ${jsonBytes} bytes, the file has ${bytes.byteLength}`);
        }
        let json: unknown;
        try {
            json = JSON.parse(
                new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes, HeaderBytes, jsonBytes)),
            );
        } catch (error) {
            throw HeadModelFileError("its header is not valid JSON", error);
        }
        if (!IsRecord(json)) {
            throw HeadModelFileError("its header is not a JSON object");
        }
        this.json = json;
        this._bytes = bytes;
    }

    /** Whether the file has an array of that name. */
    public has(name: string): boolean {
        return IsRecord(this.json.arrays) && Object.hasOwn(this.json.arrays, name);
    }

    /** A view of the named array, after its dtype, shape, alignment and bounds were checked. */
    public array<D extends HeadModelDtype>(name: string, dtype: D, wanted: WantedShape): ArrayOf<D> {
        const entry = this.has(name) ? (this.json.arrays as Record<string, unknown>)[name] : undefined;
        if (!IsRecord(entry)) {
            throw HeadModelFileError(`array "${name}" is missing`);
        }
        const { shape, offset } = entry;
        if (entry.dtype !== dtype) {
            throw HeadModelFileError(`array "${name}" has dtype ${String(entry.dtype)}, wanted ${dtype}`);
        }
        if (!Array.isArray(shape) || shape.length !== wanted.length || !shape.every(IsCount)) {
            throw HeadModelFileError(`array "${name}" has shape [${String(shape)}], wanted [${wanted.join(",")}]`);
        }
        wanted.forEach((want, axis) => this._checkDimension(name, axis, shape[axis] as number, want));
        const length = shape.reduce((product: number, dimension: number) => product * dimension, 1) as number;
        const arrayType = ArrayTypes[dtype];
        const bytesNeeded = length * arrayType.BYTES_PER_ELEMENT;
        if (!IsCount(offset) || offset % 4 !== 0 || this._bodyStart + offset + bytesNeeded > this._bytes.byteLength) {
            throw HeadModelFileError(
                `array "${name}" (${bytesNeeded} bytes at offset ${String(offset)}) lies outside the file`,
            );
        }
        return new arrayType(this._bytes, this._bodyStart + offset, length) as ArrayOf<D>;
    }

    /** Size of a named dimension that an earlier {@link array} call bound. */
    public dimension(name: string): number {
        return this._dimensions.get(name) ?? 0;
    }

    /** A header field that is a string. */
    public text(name: string): string {
        const value = this.json[name];
        if (typeof value !== "string") {
            throw HeadModelFileError(`header field "${name}" is not a string`);
        }
        return value;
    }

    /** A header field that is a list of different strings. */
    public names(name: string): readonly string[] {
        const value = this.json[name];
        if (
            !Array.isArray(value) ||
            !value.every((item) => typeof item === "string") ||
            new Set(value).size !== value.length
        ) {
            throw HeadModelFileError(`header field "${name}" is not a list of different names`);
        }
        return value as string[];
    }

    private _checkDimension(array: string, axis: number, size: number, want: number | string): void {
        const known = typeof want === "number" ? want : this._dimensions.get(want);
        if (known === undefined) {
            this._dimensions.set(want as string, size);
        } else if (known !== size) {
            throw HeadModelFileError(`array "${array}" has ${size} entries on axis ${axis}, wanted ${known}`);
        }
    }
}

/** Whether `value` is a plain object, so that fields can be read from it. */
export function IsRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function IsCount(value: unknown): value is number {
    return Number.isSafeInteger(value) && (value as number) >= 0;
}
