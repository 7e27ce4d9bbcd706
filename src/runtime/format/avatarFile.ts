/**
 * The `.flexavatar` file: one person, ready to be animated, without photos or networks.
 *
 * Little-endian: u32 magic "FAVA", u32 version 1, u32 JSON byte length, u32 body byte length, JSON (UTF-8, padded with
 * spaces to a multiple of 4), body. `json.blocks[name] = { dtype, shape, offset, bytes }`, offsets into the body, each
 * a multiple of 4. Keys are written in alphabetical order and nothing depends on time, so equal avatars give equal
 * bytes. Maps are kept as halves. The detail of a refined avatar is a layer of its own: block `detail`, u8 `[3,H,W]`,
 * and `json.detail.scales` (detailLayer.ts). So is its detail for close-ups: block `closeUp`, u8, and
 * `json.closeUp.edge` (closeUpLayer.ts). Hair beyond the scalp and the bust are another: blocks `pageTexels`,
 * `pagePlaces`, `pageColors`, `pageRotations`, and `json.page` (pageLayer.ts). Readers that do not know a layer show
 * the avatar without it.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { CloseUpScale, type ICloseUp } from "../closeUp.js";
import { MapChannels } from "../layout.js";
import { PackShades, UnpackShades } from "./closeUpLayer.js";
import { PackDetail, UnpackDetail, type IPackedDetail } from "./detailLayer.js";
import { FloatsFromHalves, HalvesFromFloats } from "./half.js";
import { MaxPageSize, PackPage, TexelsOf, UnpackPage, type IPackedPage } from "./pageLayer.js";

/** The camera of one photo's crop (docs/conventions.md, "Camera of a crop"). */
export interface IStoredCamera {
    /** Camera-from-canonical rotation, quaternion x, y, z, w. */
    rotation: readonly number[];
    /** Camera-from-canonical translation, meters. */
    translation: readonly number[];
    /** Focal length divided by the crop's edge, 2.4 unless the fit solved for it. */
    focal: number;
}

/** What the landmark fit found. */
export interface IStoredFit {
    /** Shape coefficients, in standard deviations. */
    shape: Float32Array;
    /** Per photo: its camera and its expression coefficients. */
    photos: { camera: IStoredCamera; expression: Float32Array }[];
}

/** Hair beyond the scalp, and bust: a map of the head model's second page. */
export interface IStoredPage {
    /** The page that it is a map of. */
    headModel: { name: string; sha256: string };
    /** H = W. */
    mapSize: number;
    /**
     * `[14,H,W]`, before activation. Texels of an opacity below 1/510 are left out on writing, the others are rounded.
     */
    map: Float32Array;
}

/** The contents of a `.flexavatar` file. */
export interface IAvatarFile {
    /** Name shown to people. */
    name: string;
    headModel: { name: string; sha256: string };
    /** The networks that made it; its driver is needed to animate it. */
    model: { name: string; step: number };
    /** H = W of the static map. */
    mapSize: number;
    /** `[14,H,W]`, before activation; rounded to halves on writing. */
    staticMap: Float32Array;
    /** `[C,h,w]`; rounded to halves on writing. */
    identityFeatures: Float32Array;
    identityShape: readonly [number, number, number];
    fit: IStoredFit;
    /**
     * `[3,H,W]` what refinement added to the colors of the static map; in eight bits each on writing. Undefined without
     * refinement.
     */
    detail?: Float32Array;
    /** What refinement added for close-ups. Undefined without it. */
    closeUp?: ICloseUp;
    /** Undefined for a person without hair beyond the scalp and without a bust. */
    page?: IStoredPage;
    /** PNG of the photo's crop, or undefined. */
    thumbnail?: Uint8Array;
    /** Where the photos came from and what may be done with them. */
    provenance: string;
    /** SPDX identifier or a sentence. */
    license: string;
}

/** Most bytes of JSON that a reader accepts. */
const MaxJsonBytes = 1 << 20;
const Magic = 0x41564146; // "FAVA" read as little-endian u32
const Version = 1;
const HeaderBytes = 16;
/** Largest difference of a color that a reader accepts: colors of maps are near 0..1. */
const MaxDetail = 64;
/** Largest edge of a map, and most channels, that a reader accepts. */
const MaxEdge = 4096;
const MaxPhotos = 16;

type BlockType = "f16" | "f32" | "u8" | "u16" | "u32";
const TypeBytes: Readonly<Record<BlockType, number>> = { f16: 2, f32: 4, u8: 1, u16: 2, u32: 4 };
type BlockData = Uint16Array | Uint32Array | Float32Array | Uint8Array;

interface IBlock {
    dtype: BlockType;
    shape: number[];
    offset: number;
    bytes: number;
}

/**
 * Writes an avatar.
 * @param avatar what to write; not changed
 * @returns the bytes; their length is the file's size
 * @throws FlexAvatarError `invalid-argument` for wrong sizes and for numbers that a half cannot hold
 */
export function WriteAvatarFile(avatar: IAvatarFile): Uint8Array<ArrayBuffer> {
    const { mapSize, identityShape, fit } = avatar;
    ExpectCount(avatar.staticMap, MapChannels * mapSize * mapSize, "staticMap");
    ExpectCount(avatar.identityFeatures, Product(identityShape), "identityFeatures");
    const blocks: Record<string, IBlock> = {};
    const contents: Uint8Array[] = [];
    let size = 0;
    const add = (name: string, dtype: BlockType, shape: readonly number[], data: BlockData): void => {
        blocks[name] = { dtype, shape: [...shape], offset: size, bytes: data.byteLength };
        const padded = new Uint8Array(Align(data.byteLength));
        padded.set(LittleEndian(data));
        contents.push(padded);
        size += padded.byteLength;
    };
    add("staticMap", "f16", [MapChannels, mapSize, mapSize], FiniteHalves(avatar.staticMap, "staticMap"));
    add("identityFeatures", "f16", identityShape, FiniteHalves(avatar.identityFeatures, "identityFeatures"));
    add("fitShape", "f32", [fit.shape.length], Finite(fit.shape, "fit.shape"));
    const photos = fit.photos.map(({ camera, expression }, n) => {
        add(`fitExpression${n}`, "f32", [expression.length], Finite(expression, `fit.photos[${n}].expression`));
        return {
            rotation: Numbers(camera.rotation, 4),
            translation: Numbers(camera.translation, 3),
            focal: Numbers([camera.focal], 1)[0],
        };
    });
    let detail: IPackedDetail | null = null;
    if (avatar.detail) {
        ExpectCount(avatar.detail, 3 * mapSize * mapSize, "detail");
        detail = PackDetail(Within(avatar.detail, MaxDetail, "detail"));
        add("detail", "u8", [3, mapSize, mapSize], detail.bytes);
    }
    if (avatar.closeUp) {
        const { edge, shades } = avatar.closeUp;
        if (shades.length !== edge * edge || !(edge >= 1 && edge <= MaxEdge)) {
            throw new FlexAvatarError(
                "invalid-argument",
                `WriteAvatarFile got ${shades.length} shades for an edge of ${edge}.`,
            );
        }
        const packed = PackShades(shades);
        add("closeUp", "u8", [packed.length], packed);
    }
    const page = avatar.page ? PackStoredPage(avatar.page) : null;
    if (page) {
        const { texels, places, colors, rotations } = page.packed;
        add("pageTexels", "u8", [texels.length], texels);
        add("pagePlaces", "u16", [places.length], places);
        add("pageColors", "u8", [colors.length], colors);
        add("pageRotations", "u32", [rotations.length], rotations);
    }
    if (avatar.thumbnail) {
        add("thumbnail", "u8", [avatar.thumbnail.length], avatar.thumbnail);
    }
    const { name, headModel, model, provenance, license } = avatar;
    const json = CanonicalJson({
        name,
        headModel: { ...headModel },
        model: { ...model },
        mapSize,
        provenance,
        license,
        photos,
        ...(detail ? { detail: { scales: detail.scales } } : {}),
        ...(avatar.closeUp ? { closeUp: { edge: avatar.closeUp.edge } } : {}),
        ...(page ? { page: page.description } : {}),
        blocks,
    });
    const text = new TextEncoder().encode(json);
    const jsonBytes = Align(text.length);
    if (jsonBytes > MaxJsonBytes) {
        throw new FlexAvatarError(
            "invalid-argument",
            `The descriptions of avatar "${name}" take ${jsonBytes} bytes; the format allows ${MaxJsonBytes}.`,
        );
    }
    const file = new Uint8Array(HeaderBytes + jsonBytes + size);
    const view = new DataView(file.buffer);
    [Magic, Version, jsonBytes, size].forEach((word, i) => view.setUint32(4 * i, word, true));
    file.fill(0x20, HeaderBytes, HeaderBytes + jsonBytes);
    file.set(text, HeaderBytes);
    let offset = HeaderBytes + jsonBytes;
    for (const content of contents) {
        file.set(content, offset);
        offset += content.byteLength;
    }
    return file;
}

/**
 * Reads an avatar. Every length and offset is checked before it is used.
 * @param file the bytes; not kept
 * @throws FlexAvatarError `file-format` saying what is wrong
 */
export function ReadAvatarFile(file: Uint8Array): IAvatarFile {
    if (file.byteLength < HeaderBytes) {
        throw Wrong(`it has ${file.byteLength} bytes and the header alone has ${HeaderBytes}`);
    }
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    const [magic, version, jsonBytes, bodyBytes] = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
    if (magic !== Magic) {
        throw Wrong("it does not begin with FAVA");
    }
    if (version !== Version) {
        throw Wrong(`it has version ${version} and this release reads version ${Version}`);
    }
    if (jsonBytes > MaxJsonBytes || jsonBytes % 4 !== 0 || HeaderBytes + jsonBytes + bodyBytes !== file.byteLength) {
        throw Wrong(`its header speaks of ${jsonBytes} + ${bodyBytes} bytes and the file has ${file.byteLength}`);
    }
    const json = AsObject(Parse(file.subarray(HeaderBytes, HeaderBytes + jsonBytes)), "the description");
    const body = file.subarray(HeaderBytes + jsonBytes);
    const blocks = AsObject(json.blocks, "blocks");
    const read = (name: string, dtype: BlockType, rank: number): { shape: number[]; data: Uint8Array<ArrayBuffer> } => {
        if (!Object.hasOwn(blocks, name)) {
            throw Wrong(`it has no block ${name}`);
        }
        return ReadBlock(AsObject(blocks[name], name), name, dtype, rank, body);
    };
    const floats = (name: string): Float32Array =>
        FiniteOnRead(new Float32Array(NativeEndian(read(name, "f32", 1).data, 4)), name);
    const halves = (name: string): { shape: number[]; values: Float32Array } => {
        const { shape, data } = read(name, "f16", 3);
        return { shape, values: FiniteOnRead(FloatsFromHalves(new Uint16Array(NativeEndian(data, 2))), name) };
    };
    const headModel = AsObject(json.headModel, "headModel");
    const model = AsObject(json.model, "model");
    const staticMap = halves("staticMap");
    const identity = halves("identityFeatures");
    const mapSize = AsCount(json.mapSize, "mapSize");
    if (staticMap.shape[0] !== MapChannels || staticMap.shape[1] !== mapSize || staticMap.shape[2] !== mapSize) {
        throw Wrong(`its static map is [${staticMap.shape.join(",")}]; wanted [${MapChannels},${mapSize},${mapSize}]`);
    }
    const readDetail = (): Float32Array => {
        const scales = NumberList(AsObject(json.detail, "detail").scales, 3, "detail.scales");
        const { shape, data } = read("detail", "u8", 3);
        if (
            shape[0] !== 3 ||
            shape[1] !== mapSize ||
            shape[2] !== mapSize ||
            scales.some((scale) => scale < 0 || scale > MaxDetail)
        ) {
            throw Wrong(
                `its detail is [${shape.join(",")}] times ${scales.join(",")}; wanted [3,${mapSize},${mapSize}] times 0 to ${MaxDetail}`,
            );
        }
        return UnpackDetail({ bytes: data, scales });
    };
    const readCloseUp = (): ICloseUp => {
        const edge = AsCount(AsObject(json.closeUp, "closeUp").edge, "closeUp.edge");
        const shades = edge >= 1 && edge <= MaxEdge ? UnpackShades(read("closeUp", "u8", 1).data, edge * edge) : null;
        if (!shades || edge !== CloseUpScale * mapSize) {
            throw Wrong(`its close-up layer is no atlas of ${edge} texels per side; wanted ${CloseUpScale * mapSize}`);
        }
        return { edge, shades };
    };
    const bytesOf = (name: string, dtype: BlockType, wanted: number): Uint8Array<ArrayBuffer> => {
        const { shape, data } = read(name, dtype, 1);
        if (shape[0] !== wanted) {
            throw Wrong(`block ${name} has ${shape[0]} entries; wanted ${wanted}`);
        }
        return data;
    };
    if (!Array.isArray(json.photos) || json.photos.length > MaxPhotos) {
        throw Wrong(`photos must be an array of at most ${MaxPhotos}`);
    }
    const photos = json.photos.map((value: unknown, n) => {
        const photo = AsObject(value, `photos[${n}]`);
        const camera = {
            rotation: NumberList(photo.rotation, 4, `photos[${n}].rotation`),
            translation: NumberList(photo.translation, 3, `photos[${n}].translation`),
            focal: NumberList([photo.focal], 1, `photos[${n}].focal`)[0],
        };
        return { camera, expression: floats(`fitExpression${n}`) };
    });
    return {
        name: AsText(json.name, "name"),
        headModel: {
            name: AsText(headModel.name, "headModel.name"),
            sha256: AsText(headModel.sha256, "headModel.sha256"),
        },
        model: { name: AsText(model.name, "model.name"), step: AsCount(model.step, "model.step") },
        mapSize,
        staticMap: staticMap.values,
        identityFeatures: identity.values,
        identityShape: identity.shape as [number, number, number],
        fit: { shape: floats("fitShape"), photos },
        ...(Object.hasOwn(json, "detail") ? { detail: readDetail() } : {}),
        ...(Object.hasOwn(json, "closeUp") ? { closeUp: readCloseUp() } : {}),
        ...(Object.hasOwn(json, "page") ? { page: ReadPage(AsObject(json.page, "page"), bytesOf) } : {}),
        ...(Object.hasOwn(blocks, "thumbnail") ? { thumbnail: read("thumbnail", "u8", 1).data } : {}),
        provenance: AsText(json.provenance, "provenance"),
        license: AsText(json.license, "license"),
    };
}

/** @returns null if nothing of the page is seen */
function PackStoredPage({
    headModel,
    mapSize,
    map,
}: IStoredPage): { packed: IPackedPage; description: Record<string, unknown> } | null {
    if (!(mapSize >= 1 && mapSize <= MaxPageSize)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `WriteAvatarFile got a page of size ${mapSize}; wanted 1 to ${MaxPageSize}.`,
        );
    }
    ExpectCount(map, MapChannels * mapSize * mapSize, "page.map");
    const packed = PackPage(Finite(map, "page.map"));
    const texels = packed.rotations.length;
    return texels > 0 ? { packed, description: { headModel: { ...headModel }, mapSize, texels } } : null;
}

function ReadPage(
    page: Record<string, unknown>,
    bytesOf: (name: string, dtype: BlockType, wanted: number) => Uint8Array<ArrayBuffer>,
): IStoredPage {
    const headModel = AsObject(page.headModel, "page.headModel");
    const mapSize = AsCount(page.mapSize, "page.mapSize");
    if (mapSize < 1 || mapSize > MaxPageSize) {
        throw Wrong(`its page has size ${mapSize}; wanted 1 to ${MaxPageSize}`);
    }
    const texelCount = AsCount(page.texels, "page.texels");
    const texels = bytesOf("pageTexels", "u8", Math.ceil((mapSize * mapSize) / 8));
    if (texelCount === 0 || TexelsOf(texels, mapSize) !== texelCount) {
        throw Wrong(`its page speaks of ${texelCount} texels and marks ${TexelsOf(texels, mapSize)}`);
    }
    const packed: IPackedPage = {
        texels,
        places: new Uint16Array(NativeEndian(bytesOf("pagePlaces", "u16", 6 * texelCount), 2)),
        colors: bytesOf("pageColors", "u8", 4 * texelCount),
        rotations: new Uint32Array(NativeEndian(bytesOf("pageRotations", "u32", texelCount), 4)),
    };
    return {
        headModel: {
            name: AsText(headModel.name, "page.headModel.name"),
            sha256: AsText(headModel.sha256, "page.headModel.sha256"),
        },
        mapSize,
        map: UnpackPage(packed, mapSize),
    };
}

/** Checks a block's description against the body and copies its bytes out. */
function ReadBlock(
    block: Record<string, unknown>,
    name: string,
    dtype: BlockType,
    rank: number,
    body: Uint8Array,
): { shape: number[]; data: Uint8Array<ArrayBuffer> } {
    const { shape } = block;
    if (block.dtype !== dtype || !Array.isArray(shape) || shape.length !== rank) {
        throw Wrong(
            `block ${name} is ${JSON.stringify(block.dtype)} of ${JSON.stringify(shape)}; wanted ${dtype} with ${rank} dimensions`,
        );
    }
    const sizes = shape.map((size, i) => AsCount(size, `${name}.shape[${i}]`));
    if (rank > 1 && sizes.some((size) => size > MaxEdge)) {
        throw Wrong(`block ${name} has shape [${sizes.join(",")}]; each size may be at most ${MaxEdge}`);
    }
    const offset = AsCount(block.offset, `${name}.offset`);
    const bytes = AsCount(block.bytes, `${name}.bytes`);
    if (bytes !== Product(sizes) * TypeBytes[dtype] || offset % 4 !== 0 || offset + bytes > body.byteLength) {
        throw Wrong(
            `block ${name} lies at ${offset} + ${bytes} with shape [${sizes.join(",")}] in a body of ${body.byteLength} bytes`,
        );
    }
    return { shape: sizes, data: body.slice(offset, offset + bytes) as Uint8Array<ArrayBuffer> };
}

function Parse(bytes: Uint8Array): unknown {
    try {
        return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (error) {
        throw Wrong("its description is not JSON", error);
    }
}

/** JSON with keys in alphabetical order at every level. */
function CanonicalJson(value: unknown): string {
    return JSON.stringify(value, (_key, item: unknown) =>
        typeof item === "object" && item !== null && !Array.isArray(item)
            ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
            : item,
    );
}

const HostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function LittleEndian(data: BlockData): Uint8Array {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return HostIsLittleEndian ? bytes : new Uint8Array(NativeEndian(bytes.slice(), data.BYTES_PER_ELEMENT));
}

/** Turns little-endian elements into the host's order; a no-op nearly everywhere. */
function NativeEndian(bytes: Uint8Array<ArrayBuffer>, elementBytes: number): ArrayBuffer {
    for (let at = 0; !HostIsLittleEndian && at < bytes.length; at += elementBytes) {
        bytes.subarray(at, at + elementBytes).reverse();
    }
    return bytes.buffer;
}

function Align(bytes: number): number {
    return (bytes + 3) & ~3;
}

function Product(sizes: readonly number[]): number {
    return sizes.reduce((all, size) => all * size, 1);
}

function ExpectCount(values: Float32Array, wanted: number, what: string): void {
    if (values.length !== wanted || wanted === 0) {
        throw new FlexAvatarError(
            "invalid-argument",
            `WriteAvatarFile got ${what} of ${values.length} values; its shape wants ${wanted}.`,
        );
    }
}

function Finite(values: Float32Array, what: string): Float32Array {
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
        throw new FlexAvatarError(
            "invalid-argument",
            `WriteAvatarFile got ${values[at]} at index ${at} of ${what}; wanted finite numbers.`,
        );
    }
    return values;
}

function Within(values: Float32Array, limit: number, what: string): Float32Array {
    const at = values.findIndex((value) => !(Math.abs(value) <= limit));
    if (at >= 0) {
        throw new FlexAvatarError(
            "invalid-argument",
            `WriteAvatarFile got ${values[at]} at index ${at} of ${what}; wanted numbers of at most ${limit}.`,
        );
    }
    return values;
}

function FiniteHalves(values: Float32Array, what: string): Uint16Array {
    const at = values.findIndex((value) => !(Math.abs(value) < 65520));
    if (at >= 0) {
        throw new FlexAvatarError(
            "invalid-argument",
            `WriteAvatarFile got ${values[at]} at index ${at} of ${what}; halves end at ±65,504.`,
        );
    }
    return HalvesFromFloats(values);
}

function Numbers(values: readonly number[], wanted: number): number[] {
    if (values.length !== wanted || !values.every(Number.isFinite)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `WriteAvatarFile got a camera with [${values.join(",")}]; wanted ${wanted} finite numbers.`,
        );
    }
    return [...values];
}

function FiniteOnRead(values: Float32Array, name: string): Float32Array {
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
        throw Wrong(`block ${name} holds ${values[at]} at index ${at}`);
    }
    return values;
}

function AsObject(value: unknown, what: string): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw Wrong(`${what} is not an object`);
    }
    return value as Record<string, unknown>;
}

function AsText(value: unknown, what: string): string {
    if (typeof value !== "string") {
        throw Wrong(`${what} is not a text`);
    }
    return value;
}

function AsCount(value: unknown, what: string): number {
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
        throw Wrong(`${what} is ${JSON.stringify(value)}; wanted a whole number`);
    }
    return value as number;
}

function NumberList(value: unknown, wanted: number, what: string): number[] {
    if (!Array.isArray(value) || value.length !== wanted || !value.every(Number.isFinite)) {
        throw Wrong(`${what} is ${JSON.stringify(value)}; wanted ${wanted} numbers`);
    }
    return value as number[];
}

function Wrong(text: string, cause?: unknown): FlexAvatarError {
    return new FlexAvatarError("file-format", `This is not a readable .flexavatar file: ${text}.`, { cause });
}
