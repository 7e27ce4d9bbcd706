/**
 * The `.flexavatar` file: one person, ready to be animated, without photos or networks.
 *
 * It is binary glTF. The root extension `FLEX_avatar` describes the person; its blocks are buffer views. Maps are kept
 * as bytes (mapLayer.ts). What refinement added is a layer of its own (detailLayer.ts), so are its detail for close-ups
 * (closeUpLayer.ts), the inside of the mouth for meshes (mouthLayer.ts) and hair beyond the scalp with the bust
 * (pageLayer.ts). A reader that does not know a layer shows the avatar without it. The scene holds the person at rest as splats for other viewers (splatPrimitive.ts). Keys are in
 * alphabetical order and nothing depends on time, so equal avatars give equal bytes. docs/formats.md and the schema
 * beside it have every field. Files of the first version are read too (firstVersion.ts).
 */
import { FlexAvatarError } from "../../flame/error.js";
import type { ISimilarity } from "../../flame/fit/similarity.js";
import { CloseUpScale, type ICloseUp } from "../closeUp.js";
import { MapChannels } from "../layout.js";
import { BlockReader, BlockWriter, type BlockData, type BlockType } from "./blocks.js";
import { PackShades, UnpackShades } from "./closeUpLayer.js";
import { PackDetail, UnpackDetail } from "./detailLayer.js";
import {
    AsCount,
    AsList,
    AsObject,
    AsText,
    FiniteOnRead,
    NativeEndian,
    NumberList,
    Product,
    WrongFile,
} from "./fileChecks.js";
import { IsFirstVersion, OpenFirstVersion } from "./firstVersion.js";
import { IsGlb, ReadGlb, WriteGlb } from "./glb.js";
import { FloatsFromHalves, HalvesFromFloats } from "./half.js";
import { FineChannels, PackMap, UnpackMap } from "./mapLayer.js";
import { PackMouth, UnpackMouth } from "./mouthLayer.js";
import { MaxPageSize, PackPage, TexelsOf, UnpackPage, type IPackedPage } from "./pageLayer.js";
import { SplatExtension, WriteSplatPrimitive } from "./splatPrimitive.js";
import { SplatSources, type SplatSource } from "./splatSource.js";

/** The camera of one photo's crop (docs/conventions.md, "Camera of a crop"). */
export interface IStoredCamera {
    /** Camera-from-canonical rotation, quaternion x, y, z, w. */
    rotation: readonly number[];
    /** Camera-from-canonical translation, meters. */
    translation: readonly number[];
    /** Focal length divided by the crop's edge, 2.4 unless the fit solved for it. */
    focal: number;
}

/** A file of models.json. */
export interface IFileReference {
    /** Its name there. */
    name: string;
    /** Of its bytes, in hexadecimal. */
    sha256: string;
}

/** Networks of models.json. */
export interface INetworksReference {
    /** Their name there. */
    name: string;
    /** Training step of the weights. */
    step: number;
}

/** What the landmark fit found in one photo. */
export interface IStoredPhoto {
    /** Where it was taken from. */
    camera: IStoredCamera;
    /** [E] coefficients of its expression. */
    expression: Float32Array;
}

/** What the landmark fit found. */
export interface IStoredFit {
    /** Shape coefficients, in standard deviations. */
    shape: Float32Array;
    /** Per photo: its camera and its expression coefficients. */
    photos: IStoredPhoto[];
}

/** Hair beyond the scalp, and bust: a map of the head model's second page. */
export interface IStoredPage {
    /** The page that it is a map of. */
    headModel: IFileReference;
    /** H = W. */
    mapSize: number;
    /**
     * `[14,H,W]`, before activation. Texels of an opacity below 1/510 are left out on writing, the others are rounded.
     */
    map: Float32Array;
}

/** What is known about a person and its origin. */
export interface IAvatarDescription {
    /** The head model that its maps belong to. */
    headModel: IFileReference;
    /** The networks that made it; its driver is needed to animate it. */
    model: INetworksReference;
    /** What the landmark fit found in the photos. */
    fit: IStoredFit;
    /** PNG of the photo's crop, or undefined. */
    thumbnail?: Uint8Array;
    /** Where the photos came from and what may be done with them. */
    provenance: string;
    /** SPDX identifier or a sentence. */
    license: string;
    /** What the person agreed to, in a sentence; "" where nobody wrote it down. */
    consent: string;
}

/** The contents of a `.flexavatar` file. */
export interface IAvatarFile extends IAvatarDescription {
    /** Name shown to people. */
    name: string;
    /** H = W of the static map. */
    mapSize: number;
    /** `[14,H,W]`, before activation; rounded to 17 bytes a texel on writing (mapLayer.ts). */
    staticMap: Float32Array;
    /** `[C,h,w]`; rounded to halves on writing. */
    identityFeatures: Float32Array;
    identityShape: readonly [number, number, number];
    /**
     * `[3,H,W]` what refinement added to the colors of the static map; in eight bits each on writing. Undefined without
     * refinement.
     */
    detail?: Float32Array;
    /** What refinement added for close-ups. Undefined without it. */
    closeUp?: ICloseUp;
    /**
     * `[3,H,W]` what the driver adds to the colors inside an open mouth, zero elsewhere, for avatars that are meshes and
     * have no driver; in eight bits each on writing. Undefined where nobody asked the driver.
     */
    mouth?: Float32Array;
    /** Undefined for a person without hair beyond the scalp and without a bust. */
    page?: IStoredPage;
    /** Gaussians of another program's file, shown in place of the map. Undefined for a person of photos. */
    splats?: IStoredSplats;
}

/** A file of Gaussians, and where in it the head is. */
export interface IStoredSplats {
    format: SplatSource;
    /** The file as it came. */
    bytes: Uint8Array;
    /** From its axes to canonical space. */
    placement: ISimilarity;
}

/** Name of the extension that describes a person. */
export const AvatarExtension = "FLEX_avatar";
/**
 * Version of the extension that this release writes. A file also says the lowest version whose readers understand it:
 * layers may be added without raising that one.
 */
export const AvatarFileVersion = 2;
/** Of files that hold another program's Gaussians, and of this reader. */
const SplatsVersion = 3;

/** Largest difference of a color that a reader accepts: colors of maps are near 0..1. */
const MaxDetail = 64;
/** Largest edge of an atlas for close-ups that a reader accepts. */
const MaxAtlas = 4096;
/** Largest number in a map that a reader accepts. */
const MaxValue = 1e4;
const MaxPhotos = 16;

/**
 * Writes an avatar.
 * @param avatar what to write; not changed
 * @param splats the person at rest for viewers that know splats: 32 bytes each, right-handed ({@link WriteSplats});
 * without them such viewers find an empty node
 * @returns the bytes; their length is the file's size
 * @throws FlexAvatarError `invalid-argument` for wrong sizes and for numbers that the format cannot hold
 */
export function WriteAvatarFile(avatar: IAvatarFile, splats?: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { name, mapSize, identityShape, fit } = avatar;
    ExpectCount(avatar.staticMap, MapChannels * mapSize * mapSize, "staticMap");
    ExpectCount(avatar.identityFeatures, Product(identityShape), "identityFeatures");
    const writer = new BlockWriter();
    const bufferViews: Record<string, unknown>[] = [];
    const blocks: Record<string, unknown> = {};
    const view = (data: BlockData): number => {
        const { offset, bytes } = writer.add(data);
        return bufferViews.push({ buffer: 0, byteOffset: offset, byteLength: bytes }) - 1;
    };
    const add = (block: string, dtype: BlockType, shape: readonly number[], data: BlockData): void => {
        blocks[block] = { bufferView: view(data), dtype, shape };
    };
    const { fine, coarse, ranges } = PackMap(Within(avatar.staticMap, MaxValue, "staticMap"));
    add("mapFine", "u16", [FineChannels, mapSize, mapSize], fine);
    add("mapCoarse", "u8", [MapChannels - FineChannels, mapSize, mapSize], coarse);
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
    const person: Record<string, unknown> = {
        version: avatar.splats ? SplatsVersion : AvatarFileVersion,
        readableFrom: avatar.splats ? SplatsVersion : AvatarFileVersion,
        name,
        headModel: { ...avatar.headModel },
        model: { ...avatar.model },
        mapSize,
        map: { ranges },
        photos,
        provenance: avatar.provenance,
        license: avatar.license,
        consent: avatar.consent,
        blocks,
    };
    if (avatar.detail) {
        ExpectCount(avatar.detail, 3 * mapSize * mapSize, "detail");
        const { bytes, scales } = PackDetail(Within(avatar.detail, MaxDetail, "detail"));
        add("detail", "u8", [3, mapSize, mapSize], bytes);
        person.detail = { scales };
    }
    if (avatar.closeUp) {
        const { edge, shades } = avatar.closeUp;
        if (shades.length !== edge * edge || !(edge >= 1 && edge <= MaxAtlas)) {
            throw new FlexAvatarError(
                "invalid-argument",
                `WriteAvatarFile got ${shades.length} shades for an edge of ${edge}.`,
            );
        }
        const packed = PackShades(shades);
        add("closeUp", "u8", [packed.length], packed);
        person.closeUp = { edge };
    }
    if (avatar.mouth) {
        ExpectCount(avatar.mouth, 3 * mapSize * mapSize, "mouth");
        const { bytes, scales } = PackMouth(Within(avatar.mouth, MaxDetail, "mouth"));
        add("mouth", "u8", [bytes.length], bytes);
        person.mouth = { scales };
    }
    const page = avatar.page ? PackStoredPage(avatar.page) : null;
    if (page) {
        const { texels, places, colors, rotations } = page.packed;
        add("pageTexels", "u8", [texels.length], texels);
        add("pagePlaces", "u16", [places.length], places);
        add("pageColors", "u8", [colors.length], colors);
        add("pageRotations", "u32", [rotations.length], rotations);
        person.page = page.description;
    }
    if (avatar.splats) {
        const { format, bytes, placement } = avatar.splats;
        add("splats", "u8", [bytes.length], bytes);
        const { scale, rotation, translation } = placement;
        person.splats = { format, scale, rotation: [...rotation], translation: [...translation] };
    }
    if (avatar.thumbnail) {
        person.thumbnail = { bufferView: view(avatar.thumbnail), mimeType: "image/png" };
    }
    const gltf: Record<string, unknown> = {
        asset: { version: "2.0", generator: "babylon-flexavatar", copyright: avatar.license },
        extensionsUsed: [AvatarExtension],
        extensions: { [AvatarExtension]: person },
        scene: 0,
        scenes: [{ nodes: [0] }],
        nodes: [{ name }],
        bufferViews,
    };
    if (splats && splats.length > 0) {
        const drawn = WriteSplatPrimitive(splats, bufferViews.length, 0, writer.size);
        writer.add(drawn.bytes);
        bufferViews.push(drawn.bufferView);
        gltf.accessors = drawn.accessors;
        gltf.meshes = [{ name, primitives: [drawn.primitive] }];
        gltf.nodes = [{ name, mesh: 0 }];
        gltf.extensionsUsed = [AvatarExtension, SplatExtension];
    }
    const body = writer.body();
    gltf.buffers = [{ byteLength: body.length }];
    return WriteGlb(gltf, body);
}

/**
 * Reads an avatar. Every length, offset and index is checked before it is used.
 * @param file the bytes; not kept
 * @throws FlexAvatarError `file-format` saying what is wrong
 */
export function ReadAvatarFile(file: Uint8Array): IAvatarFile {
    if (IsFirstVersion(file)) {
        const { description, blocks } = OpenFirstVersion(file);
        return ReadPerson(description, blocks, (mapSize) => {
            const { shape, data } = blocks.read("staticMap", "f16", 3);
            ExpectShape(shape, [MapChannels, mapSize, mapSize], "staticMap");
            return FiniteOnRead(FloatsFromHalves(new Uint16Array(NativeEndian(data, 2))), "staticMap");
        });
    }
    if (!IsGlb(file)) {
        throw WrongFile(`its ${file.byteLength} bytes do not begin like binary glTF`);
    }
    const { json, body } = ReadGlb(file);
    const extensions = AsObject(json.extensions ?? {}, "extensions");
    if (!Object.hasOwn(extensions, AvatarExtension)) {
        throw WrongFile(`it is glTF without the extension ${AvatarExtension}`);
    }
    const person = AsObject(extensions[AvatarExtension], AvatarExtension);
    const readableFrom = AsCount(person.readableFrom, "readableFrom");
    if (readableFrom > SplatsVersion) {
        throw new FlexAvatarError(
            "file-format",
            `This .flexavatar file needs a reader of version ${readableFrom}; this release reads up to ${SplatsVersion}.`,
            { advice: "Update babylon-flexavatar, or save the avatar again with the release of this page." },
        );
    }
    const bufferViews = AsList(json.bufferViews, 1024, "bufferViews");
    const place = (index: unknown, name: string): { offset: number; bytes: number } => {
        const at = AsCount(index, `${name}.bufferView`);
        const view = AsObject(bufferViews[at], `buffer view ${at}`);
        if (view.buffer !== 0 || view.byteStride !== undefined) {
            throw WrongFile(`buffer view ${at} is not a plain part of the file`);
        }
        return {
            offset: AsCount(view.byteOffset ?? 0, `bufferViews[${at}].byteOffset`),
            bytes: AsCount(view.byteLength, `bufferViews[${at}].byteLength`),
        };
    };
    const blocks = new BlockReader(AsObject(person.blocks, "blocks"), body, (block, name) =>
        place(block.bufferView, name),
    );
    const thumbnail = (): Uint8Array<ArrayBuffer> => {
        const { offset, bytes } = place(AsObject(person.thumbnail, "thumbnail").bufferView, "thumbnail");
        if (offset + bytes > body.byteLength) {
            throw WrongFile(`its thumbnail lies at ${offset} + ${bytes} in a body of ${body.byteLength} bytes`);
        }
        return body.slice(offset, offset + bytes) as Uint8Array<ArrayBuffer>;
    };
    const read = ReadPerson(person, blocks, (mapSize) => {
        const fine = blocks.read("mapFine", "u16", 3);
        const coarse = blocks.read("mapCoarse", "u8", 3);
        ExpectShape(fine.shape, [FineChannels, mapSize, mapSize], "mapFine");
        ExpectShape(coarse.shape, [MapChannels - FineChannels, mapSize, mapSize], "mapCoarse");
        const ranges = NumberList(AsObject(person.map, "map").ranges, 2 * MapChannels, "map.ranges");
        if (ranges.some((value, i) => Math.abs(value) > MaxValue || (i % 2 === 1 && value < ranges[i - 1]))) {
            throw WrongFile(`the ranges of its map are no ranges within ±${MaxValue}`);
        }
        return UnpackMap({ fine: new Uint16Array(NativeEndian(fine.data, 2)), coarse: coarse.data, ranges });
    });
    return Object.hasOwn(person, "thumbnail") ? { ...read, thumbnail: thumbnail() } : read;
}

/** What both versions have in common. */
function ReadPerson(
    json: Record<string, unknown>,
    blocks: BlockReader,
    readMap: (mapSize: number) => Float32Array,
): IAvatarFile {
    const floats = (name: string): Float32Array =>
        FiniteOnRead(new Float32Array(NativeEndian(blocks.read(name, "f32", 1).data, 4)), name);
    const headModel = AsObject(json.headModel, "headModel");
    const model = AsObject(json.model, "model");
    const mapSize = AsCount(json.mapSize, "mapSize");
    if (mapSize === 0) {
        throw WrongFile("its map has no texels");
    }
    const readScales = (name: string): number[] => {
        const scales = NumberList(AsObject(json[name], name).scales, 3, `${name}.scales`);
        if (scales.some((scale) => scale < 0 || scale > MaxDetail)) {
            throw WrongFile(`its ${name} is times ${scales.join(",")}; wanted 0 to ${MaxDetail}`);
        }
        return scales;
    };
    const readDetail = (): Float32Array => {
        const { shape, data } = blocks.read("detail", "u8", 3);
        ExpectShape(shape, [3, mapSize, mapSize], "detail");
        return UnpackDetail({ bytes: data, scales: readScales("detail") });
    };
    const readMouth = (): Float32Array => {
        const packed = { bytes: blocks.read("mouth", "u8", 1).data, scales: readScales("mouth") };
        const mouth = UnpackMouth(packed, 3 * mapSize * mapSize);
        if (!mouth) {
            throw WrongFile(`its mouth is not of ${3 * mapSize * mapSize} numbers`);
        }
        return mouth;
    };
    const readCloseUp = (): ICloseUp => {
        const edge = AsCount(AsObject(json.closeUp, "closeUp").edge, "closeUp.edge");
        const isAtlas = edge === CloseUpScale * mapSize && edge <= MaxAtlas;
        const shades = isAtlas ? UnpackShades(blocks.read("closeUp", "u8", 1).data, edge * edge) : null;
        if (!shades) {
            throw WrongFile(
                `its close-up layer is no atlas of ${edge} texels per side; wanted ${CloseUpScale * mapSize}`,
            );
        }
        return { edge, shades };
    };
    const photos = AsList(json.photos, MaxPhotos, "photos").map((value, n) => {
        const photo = AsObject(value, `photos[${n}]`);
        const camera = {
            rotation: NumberList(photo.rotation, 4, `photos[${n}].rotation`),
            translation: NumberList(photo.translation, 3, `photos[${n}].translation`),
            focal: NumberList([photo.focal], 1, `photos[${n}].focal`)[0],
        };
        return { camera, expression: floats(`fitExpression${n}`) };
    });
    const staticMap = readMap(mapSize);
    const identity = blocks.read("identityFeatures", "f16", 3);
    return {
        name: AsText(json.name, "name"),
        headModel: {
            name: AsText(headModel.name, "headModel.name"),
            sha256: AsText(headModel.sha256, "headModel.sha256"),
        },
        model: { name: AsText(model.name, "model.name"), step: AsCount(model.step, "model.step") },
        mapSize,
        staticMap,
        identityFeatures: FiniteOnRead(
            FloatsFromHalves(new Uint16Array(NativeEndian(identity.data, 2))),
            "identityFeatures",
        ),
        identityShape: identity.shape as [number, number, number],
        fit: { shape: floats("fitShape"), photos },
        ...(Object.hasOwn(json, "detail") ? { detail: readDetail() } : {}),
        ...(Object.hasOwn(json, "closeUp") ? { closeUp: readCloseUp() } : {}),
        ...(Object.hasOwn(json, "mouth") ? { mouth: readMouth() } : {}),
        ...(Object.hasOwn(json, "page") ? { page: ReadPage(AsObject(json.page, "page"), blocks) } : {}),
        ...(Object.hasOwn(json, "splats") ? { splats: ReadSplatsLayer(AsObject(json.splats, "splats"), blocks) } : {}),
        ...(blocks.has("thumbnail") ? { thumbnail: blocks.read("thumbnail", "u8", 1).data } : {}),
        provenance: AsText(json.provenance, "provenance"),
        license: AsText(json.license, "license"),
        consent: AsText(json.consent ?? "", "consent"),
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

function ReadPage(page: Record<string, unknown>, blocks: BlockReader): IStoredPage {
    const headModel = AsObject(page.headModel, "page.headModel");
    const mapSize = AsCount(page.mapSize, "page.mapSize");
    if (mapSize < 1 || mapSize > MaxPageSize) {
        throw WrongFile(`its page has size ${mapSize}; wanted 1 to ${MaxPageSize}`);
    }
    const texelCount = AsCount(page.texels, "page.texels");
    const texels = blocks.list("pageTexels", "u8", Math.ceil((mapSize * mapSize) / 8));
    if (texelCount === 0 || TexelsOf(texels, mapSize) !== texelCount) {
        throw WrongFile(`its page speaks of ${texelCount} texels and marks ${TexelsOf(texels, mapSize)}`);
    }
    const packed: IPackedPage = {
        texels,
        places: new Uint16Array(NativeEndian(blocks.list("pagePlaces", "u16", 6 * texelCount), 2)),
        colors: blocks.list("pageColors", "u8", 4 * texelCount),
        rotations: new Uint32Array(NativeEndian(blocks.list("pageRotations", "u32", texelCount), 4)),
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

function ReadSplatsLayer(splats: Record<string, unknown>, blocks: BlockReader): IStoredSplats {
    const format = SplatSources.find((known) => known === splats.format);
    const rotation = NumberList(splats.rotation, 9, "splats.rotation");
    const [scale] = NumberList([splats.scale], 1, "splats.scale");
    if (!format || !(scale > 0) || !IsRotation(rotation)) {
        throw WrongFile(`its splats have format ${JSON.stringify(splats.format)}, or no place`);
    }
    return {
        format,
        bytes: blocks.read("splats", "u8", 1).data,
        placement: { scale, rotation, translation: NumberList(splats.translation, 3, "splats.translation") },
    };
}

function IsRotation(r: readonly number[]): boolean {
    const dot = (a: number, b: number): number => r[a] * r[b] + r[a + 1] * r[b + 1] + r[a + 2] * r[b + 2];
    const wrong = [dot(0, 0) - 1, dot(3, 3) - 1, dot(6, 6) - 1, dot(0, 3), dot(0, 6), dot(3, 6)];
    return wrong.every((value) => Math.abs(value) < 1e-3);
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

function ExpectShape(shape: readonly number[], wanted: readonly number[], what: string): void {
    if (shape.length !== wanted.length || shape.some((size, i) => size !== wanted[i])) {
        throw WrongFile(`its ${what} is [${shape.join(",")}]; wanted [${wanted.join(",")}]`);
    }
}
