/**
 * From a photo to what the networks and the landmark fit need: decode, find the face, crop, find it again more exactly,
 * matte.
 */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import type { ICallOptions } from "../models/progress.js";
import type { IRuntimeNotice, ProgressListener } from "../models/progress.js";
import { CanvasTransform, CropFromLandmarks, CropFromPhoto, EdgeBelow, PhotoFromCrop, type ICrop } from "./crop.js";
import { DecodePhotoAsync, type IDecodedPhoto, type PhotoSource } from "./decode.js";
import { DetailSize, MarkOutside, ToDetailCrop, type IDetailCrop } from "./detailCrop.js";
import type { IFaceFinder, IPersonMask } from "./faceFinder.js";
import { ComposeOverGrey } from "./matte.js";
import { CutOutPerson, type ICutOut } from "./matting.js";
import type { IPicture } from "./picture.js";
import { CropPerHead, HeadFromBehind } from "./headFromBehind.js";
import { MergeMasks, WideCropOf, WideSize, type IWideCrop } from "./wideCrop.js";
import { FinishInSlicesAsync, NextTaskAsync } from "../slices.js";

/** Settings of {@link PreparePhotoAsync}. */
export interface IPhotoSettings {
    /** Edge of the crop in pixels: the model's `photoSize`. */
    cropPx: number;
    /** Largest edge of the crop for refinement in pixels, 512 to 1024. Default 0: none is made. */
    detailPx?: number;
    /** Whether the wider crop for the filling of hair and bust is made too. Default false. */
    wide?: boolean;
    /** Finds faces and persons, borrowed. */
    faces: IFaceFinder;
    signal?: AbortSignal;
    onProgress?: ProgressListener;
}

/** One photo, ready for the networks. */
export interface IPreparedPhoto {
    /** `[3,S,S]` RGB 0..1, sRGB-encoded, grey 0.5 around the person. */
    image: Float32Array;
    /** `[S,S]` 0..1, 1 on the person. */
    matte: Float32Array;
    /** `[478,3]`: x, y in crop coordinates 0..1 (origin top left), z on the scale of x, smaller is nearer. */
    landmarks: Float32Array;
    /** Where the crop lies in the upright photo. */
    crop: ICrop;
    /** S. */
    cropPx: number;
    /** Faces seen in the photo; the largest was taken. */
    faceCount: number;
    /** Choices made for the user. */
    notices: IRuntimeNotice[];
    /** Upright size of the photo in pixels. */
    sourceSize: { width: number; height: number };
    /** For refinement, if it was asked for. */
    detail?: IDetailCrop;
    /** For the filling, if it was asked for. */
    wide?: IWideCrop;
}

/** Longest edge of the picture that faces are looked for in. */
const SearchPx = 2048;
/** Edge of the picture for the second, exact search and for the matte. */
const ExactPx = 512;
const MostExactPasses = 4;
/** The exact search ends when the crop moves less than this, in parts of its side. */
const SettledCrop = 0.005;
/** MediaPipe's landmark between the eyes. */
const NoseBridge = 168;
/** Least edge of the box around a face's landmarks, in photo pixels. */
const LeastFacePx = 48;
const OutsideColor = "rgb(128 128 128)"; // grey 0.5 where the crop leaves the photo

/** A part of the photo to look at: x, y, width, height in parts of the photo, and a turn in degrees. */
interface ISearch {
    region: readonly [number, number, number, number];
    turn: 0 | 90 | 180 | 270;
}

/** Tiles of one size, evenly spread with overlap. */
function TilesOf(edge: number, columns: number, rows: number): ISearch[] {
    return Array.from({ length: columns * rows }, (_, i) => ({
        region: [
            ((i % columns) / (columns - 1)) * (1 - edge),
            (Math.floor(i / columns) / (rows - 1)) * (1 - edge),
            edge,
            edge,
        ],
        turn: 0,
    }));
}

/**
 * Tried one after the other until a face is found. MediaPipe's detector sees the picture at 128 pixels and needs about
 * 15 of them per face, so a small face needs a tighter look; a photo without EXIF may lie on its side. About 100 ms
 * each on a 2-core machine.
 */
const Searches: readonly ISearch[] = [
    { region: [0, 0, 1, 1], turn: 0 },
    { region: [0.2, 0.1, 0.6, 0.6], turn: 0 },
    ...TilesOf(0.5, 3, 2),
    { region: [0, 0, 1, 1], turn: 90 },
    { region: [0, 0, 1, 1], turn: 270 },
    { region: [0, 0, 1, 1], turn: 180 },
    ...TilesOf(0.28, 5, 4),
];
/** Tiles below this edge could only show faces that are too small. */
const LeastTilePx = 256;

interface IFoundFace {
    /** `[478,3]` photo pixels; z on the same scale. */
    landmarksPx: Float32Array;
    faceCount: number;
    turn: number;
}

/**
 * Prepares one photo.
 * @param source the photo; images and canvases are borrowed
 * @throws FlexAvatarError `photo-unreadable`, `photo-too-small`, `photo-too-large`, `photo-no-face`, `aborted`; from
 * the networks `models-missing`, `models-hash`, `models-mismatch`, `disposed`
 */
export async function PreparePhotoAsync(source: PhotoSource, settings: IPhotoSettings): Promise<IPreparedPhoto> {
    const { cropPx, faces, signal, onProgress } = settings;
    if (!Number.isInteger(cropPx) || cropPx < 32 || cropPx > 2048) {
        throw new FlexAvatarError(
            "invalid-argument",
            `PreparePhotoAsync got cropPx ${cropPx}; wanted a whole number from 32 to 2048.`,
        );
    }
    const report = (stage: string, fraction: number): void => onProgress?.({ stage, fraction });
    report("opening the photo", 0);
    const photo = await DecodePhotoAsync(source, signal);
    try {
        CheckReadable(photo);
        report("finding the face", 0);
        const found = await FindFaceAsync(photo, faces, { signal, onProgress });
        const notices = NoticesOf(found);
        const rough = CropFromLandmarks(found.landmarksPx, 3);
        const exact = await RefineAsync(photo, rough, faces, { signal, onProgress });
        if (exact === undefined) {
            notices.push({
                code: "photo-coarse-landmarks",
                message: "The face was found in the whole photo but not in its crop; its landmarks are less exact.",
            });
        }
        const landmarksPx = exact ?? found.landmarksPx;
        const crop = CropFromLandmarks(landmarksPx, 3);

        report("cutting out the person", 0);
        ThrowIfAborted(signal, "cutting out the person");
        const person = await faces.findPersonAsync(PictureOf(DrawCrop(photo, crop, ExactPx)), { signal, onProgress });
        const { matte, colors } = await CutOutAsync(photo, crop, cropPx, person, signal);
        const detail = await DetailOfAsync(photo, crop, settings.detailPx ?? 0, person, signal);
        const wide = settings.wide ? await WideOfAsync(photo, crop, person, faces, { signal, onProgress }) : undefined;
        report("cutting out the person", 1);
        return {
            image: ComposeOverGrey(colors, matte),
            matte,
            landmarks: ToCrop(landmarksPx, crop),
            crop,
            cropPx,
            faceCount: found.faceCount,
            notices,
            sourceSize: { width: photo.width, height: photo.height },
            ...(detail ? { detail } : {}),
            ...(wide ? { wide } : {}),
        };
    } finally {
        photo.close();
    }
}

/** Settings of {@link PrepareBackAsync}. */
export type IBackSettings = Pick<IPhotoSettings, "faces" | "signal" | "onProgress">;

/** Why a photo from behind is none: it shows no person, one whose head is too small, or one from the front. */
export type NotBehind = "no-person" | "small" | "face";

/**
 * Prepares a photo from behind, in which no face is looked for: the person's outline says about where the head is.
 * @param source an upright photo; images and canvases are borrowed
 * @returns the reason where it is none
 * @throws FlexAvatarError as {@link PreparePhotoAsync}, but `photo-no-face`
 */
export async function PrepareBackAsync(
    source: PhotoSource,
    { faces, signal, onProgress }: IBackSettings,
): Promise<IWideCrop | NotBehind> {
    const photo = await DecodePhotoAsync(source, signal);
    try {
        CheckReadable(photo);
        const options = { signal, onProgress };
        const whole = Upright(photo.width / 2, photo.height / 2, Math.max(photo.width, photo.height));
        const { mask, size } = await faces.findPersonAsync(PictureOf(DrawCrop(photo, whole, ExactPx)), options);
        const shows = Uint8Array.from(mask, (_, i) => {
            const [x, y] = PhotoFromCrop(whole, ((i % size) + 0.5) / size, (Math.floor(i / size) + 0.5) / size);
            return Number(x > 0 && y > 0 && x < photo.width && y < photo.height);
        });
        const head = HeadFromBehind(
            mask.map((value, i) => value * shows[i]),
            size,
        );
        if (head === null) {
            return "no-person";
        }
        if ((head.width * whole.sidePx) / size < LeastFacePx) {
            return "small";
        }
        const middle = PhotoFromCrop(whole, head.x / size, head.y / size);
        const crop = Upright(...middle, (CropPerHead * head.width * whole.sidePx) / size);
        ThrowIfAborted(signal, "cutting out the person");
        const picture = PictureOf(DrawCrop(photo, crop, ExactPx));
        if ((await faces.findFacesAsync(picture, options)).length > 0) {
            return "face";
        }
        const inner = await faces.findPersonAsync(picture, options);
        return await WideOfAsync(photo, crop, inner, faces, options);
    } finally {
        photo.close();
    }
}

function Upright(centerX: number, centerY: number, sidePx: number): ICrop {
    return { centerX, centerY, sidePx, cosRoll: 1, sinRoll: 0 };
}

async function FindFaceAsync(photo: IDecodedPhoto, finder: IFaceFinder, options: ICallOptions): Promise<IFoundFace> {
    for (const { region, turn } of Searches) {
        ThrowIfAborted(options.signal, "finding the face");
        const window = RegionCrop(photo, region, turn);
        if (region[2] < 1 && Math.min(window.width, window.height) < LeastTilePx) {
            continue;
        }
        const scale = Math.min(1, SearchPx / Math.max(window.width, window.height));
        const faces = await finder.findFacesAsync(PictureOf(DrawRegion(photo, window, scale)), options);
        if (faces.length > 0) {
            const inPhoto = faces.map((face) => FromRegion(face, window));
            const largest = inPhoto.reduce((best, face) => (BoxEdge(face) > BoxEdge(best) ? face : best));
            if (BoxEdge(largest) < LeastFacePx) {
                const edge = Math.round(BoxEdge(largest));
                throw new FlexAvatarError(
                    "photo-too-small",
                    `The face in the photo is ${edge} pixels high; the least is ${LeastFacePx}.`,
                );
            }
            return { landmarksPx: largest, faceCount: faces.length, turn };
        }
    }
    throw new FlexAvatarError(
        "photo-no-face",
        `No face was found in the photo of ${photo.width}×${photo.height} pixels.`,
    );
}

/**
 * Looks again in the crop, where the face fills the picture, until the crop stays where it is: mostly twice. With a
 * single look, the landmarks of a portrait and of the same turned by 90 degrees differ by 2 % of the crop; with this by
 * 0.2 %. Returns photo pixels, or undefined if no face was near the middle.
 */
async function RefineAsync(
    photo: IDecodedPhoto,
    rough: ICrop,
    finder: IFaceFinder,
    options: ICallOptions,
): Promise<Float32Array | undefined> {
    const distance = (face: Float32Array): number =>
        Math.hypot(face[3 * NoseBridge] - 0.5, face[3 * NoseBridge + 1] - 0.5);
    let found: Float32Array | undefined;
    let crop = rough;
    for (let pass = 0; pass < MostExactPasses; pass++) {
        const faces = await finder.findFacesAsync(PictureOf(DrawCrop(photo, crop, ExactPx)), options);
        const nearest = faces.sort((a, b) => distance(a) - distance(b))[0] as Float32Array | undefined;
        if (nearest === undefined || distance(nearest) > 0.25) {
            return found;
        }
        found = new Float32Array(nearest.length);
        for (let i = 0; i < nearest.length; i += 3) {
            found.set([...PhotoFromCrop(crop, nearest[i], nearest[i + 1]), nearest[i + 2] * crop.sidePx], i);
        }
        const better = CropFromLandmarks(found, 3);
        const moved = LargestMove(crop, better);
        crop = better;
        if (moved < SettledCrop) {
            break;
        }
    }
    return found;
}

/** How far the corners of a crop move to become another, in parts of its side. */
function LargestMove(from: ICrop, to: ICrop): number {
    const corners = [0, 1, 2, 3].map((i) => {
        const [u, v] = CropFromPhoto(from, ...PhotoFromCrop(to, i & 1, i >> 1));
        return Math.hypot(u - (i & 1), v - (i >> 1));
    });
    return Math.max(...corners);
}

/** In slices: it takes a second for large crops. */
async function CutOutAsync(
    photo: IDecodedPhoto,
    crop: ICrop,
    edge: number,
    person: IPersonMask,
    signal: AbortSignal | undefined,
): Promise<ICutOut> {
    const rgba = PictureOf(DrawCrop(photo, crop, edge)).data;
    return await FinishInSlicesAsync(CutOutPerson(rgba, person, edge), () =>
        ThrowIfAborted(signal, "cutting out the person"),
    );
}

async function DetailOfAsync(
    photo: IDecodedPhoto,
    crop: ICrop,
    mostPx: number,
    person: IPersonMask,
    signal: AbortSignal | undefined,
): Promise<IDetailCrop | undefined> {
    if (mostPx <= 0) {
        return undefined;
    }
    const edge = DetailSize(crop.sidePx, mostPx);
    const { matte, colors } = await CutOutAsync(photo, crop, edge, person, signal);
    return ToDetailCrop(colors, matte, crop, photo.width, photo.height, edge);
}

/** In some tasks: drawing and reading back takes 20 ms for the largest. */
async function WideOfAsync(
    photo: IDecodedPhoto,
    crop: ICrop,
    inner: IPersonMask,
    faces: IFaceFinder,
    options: ICallOptions,
): Promise<IWideCrop> {
    const wider = WideCropOf(crop);
    const size = WideSize(wider.sidePx);
    await NextTaskAsync();
    ThrowIfAborted(options.signal, "cutting out the person");
    const picture = PictureOf(DrawCrop(photo, wider, size));
    await NextTaskAsync();
    const person = MergeMasks(inner, await faces.findPersonAsync(picture, options));
    const pixels = picture.data as Uint8ClampedArray<ArrayBuffer>;
    MarkOutside(pixels, wider, photo.width, photo.height, size);
    await NextTaskAsync();
    return { size, pixels, roll: Math.atan2(crop.sinRoll, crop.cosRoll), person };
}

function NoticesOf({ faceCount, turn }: IFoundFace): IRuntimeNotice[] {
    const notices: IRuntimeNotice[] = [];
    if (faceCount > 1) {
        notices.push({
            code: "photo-several-faces",
            message: `The photo shows ${faceCount} faces; the largest was taken.`,
        });
    }
    if (turn !== 0) {
        notices.push({
            code: "photo-rotated",
            message: `The face was found with the photo turned by ${turn} degrees.`,
        });
    }
    return notices;
}

/**
 * A rectangle of the photo that is looked at upright or turned. Sizes are those seen after the turn, in photo pixels.
 */
interface IRegion {
    centerX: number;
    centerY: number;
    width: number;
    height: number;
    cos: number;
    sin: number;
}

function RegionCrop(
    photo: IDecodedPhoto,
    [x, y, w, h]: readonly [number, number, number, number],
    turn: number,
): IRegion {
    const radians = (turn * Math.PI) / 180;
    const across = turn % 180 === 0 ? w * photo.width : h * photo.height;
    const along = turn % 180 === 0 ? h * photo.height : w * photo.width;
    return {
        centerX: (x + w / 2) * photo.width,
        centerY: (y + h / 2) * photo.height,
        width: across,
        height: along,
        cos: Math.round(Math.cos(radians)),
        sin: Math.round(Math.sin(radians)),
    };
}

function DrawRegion(photo: IDecodedPhoto, region: IRegion, scale: number): OffscreenCanvas {
    const canvas = NewCanvas(
        Math.max(1, Math.round(region.width * scale)),
        Math.max(1, Math.round(region.height * scale)),
    );
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    const sx = canvas.width / region.width;
    const sy = canvas.height / region.height;
    // canvas = size/2 + scale · Rᵀ(photo − centre)
    context.setTransform(
        sx * region.cos,
        -sy * region.sin,
        sx * region.sin,
        sy * region.cos,
        canvas.width / 2,
        canvas.height / 2,
    );
    context.translate(-region.centerX, -region.centerY);
    DrawPhoto(context, photo);
    return canvas;
}

/** Landmarks 0..1 of a region to photo pixels. */
function FromRegion(face: Float32Array, region: IRegion): Float32Array {
    const inPhoto = new Float32Array(face.length);
    for (let i = 0; i < face.length; i += 3) {
        const dx = (face[i] - 0.5) * region.width;
        const dy = (face[i + 1] - 0.5) * region.height;
        inPhoto[i] = region.centerX + region.cos * dx - region.sin * dy;
        inPhoto[i + 1] = region.centerY + region.sin * dx + region.cos * dy;
        inPhoto[i + 2] = face[i + 2] * region.width;
    }
    return inPhoto;
}

function ToCrop(landmarksPx: Float32Array, crop: ICrop): Float32Array {
    const inCrop = new Float32Array(landmarksPx.length);
    for (let i = 0; i < landmarksPx.length; i += 3) {
        const [u, v] = CropFromPhoto(crop, landmarksPx[i], landmarksPx[i + 1]);
        inCrop.set([u, v, landmarksPx[i + 2] / crop.sidePx], i);
    }
    return inCrop;
}

/** Longer edge of the box around the landmarks. */
function BoxEdge(landmarks: Float32Array): number {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < landmarks.length; i += 3) {
        left = Math.min(left, landmarks[i]);
        right = Math.max(right, landmarks[i]);
        top = Math.min(top, landmarks[i + 1]);
        bottom = Math.max(bottom, landmarks[i + 1]);
    }
    return Math.max(right - left, bottom - top);
}

function DrawCrop(photo: IDecodedPhoto, crop: ICrop, cropPx: number): OffscreenCanvas {
    const canvas = NewCanvas(cropPx, cropPx);
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.fillStyle = OutsideColor;
    context.fillRect(0, 0, cropPx, cropPx);
    context.setTransform(...CanvasTransform(crop, cropPx));
    const { edge, reach } = EdgeBelow(crop, photo.width, photo.height);
    context.drawImage(photo.image, ...edge, ...reach);
    DrawPhoto(context, photo);
    return canvas;
}

function DrawPhoto(context: OffscreenCanvasRenderingContext2D, photo: IDecodedPhoto): void {
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(photo.image, 0, 0, photo.width, photo.height);
}

function PictureOf(canvas: OffscreenCanvas): IPicture {
    return canvas.getContext("2d", { willReadFrequently: true })!.getImageData(0, 0, canvas.width, canvas.height);
}

/** An image element from another site can be drawn but not read, and the detector would fail without a reason. */
function CheckReadable(photo: IDecodedPhoto): void {
    const canvas = NewCanvas(1, 1);
    DrawPhoto(canvas.getContext("2d")!, photo);
    try {
        PictureOf(canvas);
    } catch (error) {
        throw new FlexAvatarError(
            "photo-unreadable",
            "The photo comes from another site, which does not let this page read its pixels.",
            {
                advice: 'Load it with crossOrigin="anonymous" from a server that allows it, or pass the file itself.',
                cause: error,
            },
        );
    }
}

function NewCanvas(width: number, height: number): OffscreenCanvas {
    return new OffscreenCanvas(width, height);
}
