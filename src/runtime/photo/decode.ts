/**
 * Opens whatever a page may hold a photo in, upright as its EXIF says, and refuses what is none, what is too small and
 * what is too large.
 */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { OrAborted } from "../models/abort.js";
import { FetchAsync, Shorten } from "../models/loadFailure.js";
import { ReadImageSize } from "./imageHeader.js";

/**
 * What a photo may be: an image file in any wrapping (its address, a `Blob`, a `Response`, its bytes), or whatever a
 * canvas can draw. Of a video it is the frame shown when the photo is opened.
 */
export type PhotoSource =
    | File
    | Blob
    | URL
    | string
    | Response
    | ArrayBuffer
    | ArrayBufferView<ArrayBuffer>
    | ImageBitmap
    | ImageData
    | VideoFrame
    | HTMLImageElement
    | SVGImageElement
    | HTMLVideoElement
    | HTMLCanvasElement
    | OffscreenCanvas;

/** A decoded photo. Call `close` when done; it frees what was made here and leaves the caller's own image alone. */
export interface IDecodedPhoto {
    image: CanvasImageSource;
    /** Upright size in pixels. */
    width: number;
    height: number;
    close(): void;
}

const LeastEdge = 64;
const MostEdge = 16384;
const MostPixels = 64e6;
const HeaderBytes = 1 << 18;

/** What a source is, by the name of its class: `instanceof` would not know objects of another frame. */
const Kinds: Readonly<
    Record<string, "address" | "file" | "bytes" | "response" | "element" | "surface" | "pixels" | "video">
> = {
    String: "address",
    URL: "address",
    Blob: "file",
    File: "file",
    Response: "response",
    ArrayBuffer: "bytes",
    HTMLImageElement: "element",
    SVGImageElement: "element",
    HTMLCanvasElement: "surface",
    OffscreenCanvas: "surface",
    ImageBitmap: "surface",
    ImageData: "pixels",
    VideoFrame: "pixels",
    HTMLVideoElement: "video",
};

/**
 * Refuses what cannot hold a photo. Nothing is fetched or opened.
 * @throws FlexAvatarError `invalid-argument`
 */
export function CheckPhotoSource(source: unknown): asserts source is PhotoSource {
    KindOf(source);
}

function KindOf(source: unknown): (typeof Kinds)[string] {
    const name = ClassOf(source);
    const kind = ArrayBuffer.isView(source) ? "bytes" : Object.hasOwn(Kinds, name) ? Kinds[name] : undefined;
    if (kind === undefined) {
        throw new FlexAvatarError("invalid-argument", `A photo cannot be a thing of type ${name}.`, {
            advice: "Pass an image file (its address, a Blob, a Response or its bytes), or an image, a canvas, an ImageBitmap or a video.",
        });
    }
    return kind;
}

function ClassOf(value: unknown): string {
    return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/**
 * Decodes a photo.
 * @param source the photo; what can be drawn is borrowed
 * @throws FlexAvatarError `photo-unreadable`, `photo-too-small` (an edge below 64 pixels), `photo-too-large` (an edge
 * above 16,384 or more than 64 megapixels), `policy-refused`, `invalid-argument` (no photo at all), `aborted`
 */
export async function DecodePhotoAsync(source: PhotoSource, signal?: AbortSignal): Promise<IDecodedPhoto> {
    ThrowIfAborted(signal, "opening a photo");
    const name = NameOf(source);
    switch (KindOf(source)) {
        case "surface": {
            const surface = source as ImageBitmap | HTMLCanvasElement | OffscreenCanvas;
            if (ClassOf(surface) === "ImageBitmap" && surface.width === 0) {
                throw new FlexAvatarError("photo-unreadable", `${name} is closed.`, {
                    advice: "Close it when the avatar is there.",
                });
            }
            CheckSize(surface.width, surface.height);
            return { image: surface, width: surface.width, height: surface.height, close: () => undefined };
        }
        case "video": {
            const video = source as HTMLVideoElement;
            if (video.readyState < 2) {
                throw new FlexAvatarError("photo-unreadable", `${name} has no picture yet.`, {
                    advice: "Wait for its loadeddata event, or for a seek to end.",
                });
            }
            return await ToBitmapAsync(video, name, signal);
        }
        case "pixels":
            return await ToBitmapAsync(source as ImageData | VideoFrame, name, signal);
        case "element":
            return await DecodeElementAsync(source as HTMLImageElement | SVGImageElement, name, signal);
        case "bytes":
            return await DecodeFileAsync(new Blob([source as ArrayBuffer]), name, signal);
        case "file":
            return await DecodeFileAsync(source as Blob, name, signal);
        case "response":
            return await DecodeFileAsync(await BodyOfAsync(source as Response, signal), name, signal);
        case "address":
            return await DecodeFileAsync(await FetchPhotoAsync(String(source), signal), name, signal);
    }
}

async function DecodeFileAsync(file: Blob, name: string, signal: AbortSignal | undefined): Promise<IDecodedPhoto> {
    const header = new Uint8Array(await OrAborted(file.slice(0, HeaderBytes).arrayBuffer(), signal, "opening a photo"));
    const claimed = ReadImageSize(header);
    if (claimed) {
        CheckSize(claimed.width, claimed.height);
    }
    return await ToBitmapAsync(file, name, signal);
}

async function DecodeElementAsync(
    element: HTMLImageElement | SVGImageElement,
    name: string,
    signal: AbortSignal | undefined,
): Promise<IDecodedPhoto> {
    try {
        await OrAborted((element as HTMLImageElement).decode(), signal, "opening a photo"); // both have it; TypeScript's library knows one
    } catch (error) {
        throw AsUnreadable(error, name);
    }
    if ("naturalWidth" in element) {
        CheckSize(element.naturalWidth, element.naturalHeight);
    }
    return await ToBitmapAsync(element, name, signal);
}

async function ToBitmapAsync(
    source: ImageBitmapSource,
    name: string,
    signal: AbortSignal | undefined,
): Promise<IDecodedPhoto> {
    const decoding = createImageBitmap(source, { imageOrientation: "from-image" });
    let bitmap: ImageBitmap;
    try {
        bitmap = await OrAborted(decoding, signal, "opening a photo");
    } catch (error) {
        decoding.then(
            (late) => late.close(),
            () => undefined,
        );
        throw AsUnreadable(error, name);
    }
    try {
        CheckSize(bitmap.width, bitmap.height);
    } catch (error) {
        bitmap.close();
        throw error;
    }
    return { image: bitmap, width: bitmap.width, height: bitmap.height, close: () => bitmap.close() };
}

async function FetchPhotoAsync(url: string, signal: AbortSignal | undefined): Promise<Blob> {
    try {
        const response = await FetchAsync(url, { what: "the photo", code: "photo-unreadable", signal });
        return await response.blob();
    } catch (error) {
        ThrowIfAborted(signal, "fetching a photo");
        throw AsUnreadable(error, NameOf(url));
    }
}

async function BodyOfAsync(response: Response, signal: AbortSignal | undefined): Promise<Blob> {
    const name = NameOf(response);
    if (!response.ok || response.bodyUsed) {
        const state = response.ok ? "was read before" : `has status ${response.status}`;
        throw new FlexAvatarError("photo-unreadable", `${name} ${state} and holds no photo.`);
    }
    try {
        return await OrAborted(response.blob(), signal, "fetching a photo");
    } catch (error) {
        throw AsUnreadable(error, name);
    }
}

function CheckSize(width: number, height: number): void {
    if (width > MostEdge || height > MostEdge || width * height > MostPixels) {
        throw new FlexAvatarError(
            "photo-too-large",
            `The photo has ${width}×${height} pixels; the most is ${MostEdge} per edge and 64 megapixels.`,
        );
    }
    if (width < LeastEdge || height < LeastEdge) {
        throw new FlexAvatarError(
            "photo-too-small",
            `The photo has ${width}×${height} pixels; the least is ${LeastEdge} per edge.`,
        );
    }
}

function AsUnreadable(error: unknown, name: string): FlexAvatarError {
    return error instanceof FlexAvatarError
        ? error
        : new FlexAvatarError("photo-unreadable", `The browser cannot decode ${name} as an image.`, { cause: error });
}

function NameOf(source: PhotoSource): string {
    const name = ClassOf(source);
    switch (name) {
        case "String":
        case "URL":
            return Shorten(String(source));
        case "File":
            return `"${(source as File).name}"`;
        default:
            return `the ${name}`;
    }
}
