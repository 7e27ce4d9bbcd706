/** Opens whatever a page may hold a photo in, upright as its EXIF says, and refuses what is too small or too large. */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { OrAborted } from "../models/abort.js";
import { ReadImageSize } from "./imageHeader.js";

/** What {@link PreparePhotoAsync} takes: a file, an address, or an image that the page already has. */
export type PhotoSource = File | Blob | URL | string | ImageBitmap | HTMLImageElement | HTMLCanvasElement;

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

/**
 * Decodes a photo.
 * @param source the photo; images and canvases are borrowed
 * @throws FlexAvatarError `photo-unreadable`, `photo-too-small` (an edge below 64 pixels), `photo-too-large` (an edge above 16,384 or
 * more than 64 megapixels), `aborted`
 */
export async function DecodePhotoAsync(source: PhotoSource, signal?: AbortSignal): Promise<IDecodedPhoto> {
    ThrowIfAborted(signal, "opening a photo");
    if (source instanceof ImageBitmap || source instanceof HTMLCanvasElement) {
        checkSize(source.width, source.height);
        return { image: source, width: source.width, height: source.height, close: () => undefined };
    }
    if (source instanceof HTMLImageElement) {
        return await decodeElementAsync(source, signal);
    }
    const blob = source instanceof Blob ? source : await fetchAsync(source, signal);
    const header = new Uint8Array(await OrAborted(blob.slice(0, HeaderBytes).arrayBuffer(), signal, "opening a photo"));
    const claimed = ReadImageSize(header);
    if (claimed) {
        checkSize(claimed.width, claimed.height);
    }
    return await toBitmapAsync(blob, nameOf(source), signal);
}

async function decodeElementAsync(element: HTMLImageElement, signal: AbortSignal | undefined): Promise<IDecodedPhoto> {
    try {
        await OrAborted(element.decode(), signal, "opening a photo");
    } catch (error) {
        throw asUnreadable(error, "the image element");
    }
    checkSize(element.naturalWidth, element.naturalHeight);
    return await toBitmapAsync(element, "the image element", signal);
}

async function toBitmapAsync(source: Blob | HTMLImageElement, name: string, signal: AbortSignal | undefined): Promise<IDecodedPhoto> {
    const decoding = createImageBitmap(source, { imageOrientation: "from-image" });
    let bitmap: ImageBitmap;
    try {
        bitmap = await OrAborted(decoding, signal, "opening a photo");
    } catch (error) {
        decoding.then(
            (late) => late.close(),
            () => undefined,
        );
        throw asUnreadable(error, name);
    }
    try {
        checkSize(bitmap.width, bitmap.height);
    } catch (error) {
        bitmap.close();
        throw error;
    }
    return { image: bitmap, width: bitmap.width, height: bitmap.height, close: () => bitmap.close() };
}

async function fetchAsync(source: URL | string, signal: AbortSignal | undefined): Promise<Blob> {
    const url = String(source);
    try {
        const response = await fetch(url, { signal });
        if (!response.ok) {
            throw new FlexAvatarError("photo-unreadable", `The photo is not at ${shorten(url)}: the server answered ${response.status}.`);
        }
        return await response.blob();
    } catch (error) {
        ThrowIfAborted(signal, "fetching a photo");
        if (error instanceof FlexAvatarError) {
            throw error;
        }
        throw new FlexAvatarError("photo-unreadable", `The photo could not be fetched from ${shorten(url)}.`, {
            advice: "Check the address and that its server allows this page to read it (CORS).",
            cause: error,
        });
    }
}

function checkSize(width: number, height: number): void {
    if (width > MostEdge || height > MostEdge || width * height > MostPixels) {
        throw new FlexAvatarError(
            "photo-too-large",
            `The photo has ${width}×${height} pixels; the most is ${MostEdge} per edge and 64 megapixels.`,
        );
    }
    if (width < LeastEdge || height < LeastEdge) {
        throw new FlexAvatarError("photo-too-small", `The photo has ${width}×${height} pixels; the least is ${LeastEdge} per edge.`);
    }
}

function asUnreadable(error: unknown, name: string): FlexAvatarError {
    return error instanceof FlexAvatarError
        ? error
        : new FlexAvatarError("photo-unreadable", `The browser cannot decode ${name} as an image.`, { cause: error });
}

function nameOf(source: Blob | URL | string): string {
    return source instanceof File ? `"${source.name}"` : source instanceof Blob ? "the blob" : shorten(String(source));
}

function shorten(url: string): string {
    return url.length > 200 ? `${url.slice(0, 200)}…` : url;
}
