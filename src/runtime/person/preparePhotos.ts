/** From photos to what the networks and refinement need of them: prepared one by one, and fitted together. */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { FitHeadModelInSteps, type HeadModelFit } from "../../flame/fit/fitHeadModel.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { ModelRuntime } from "../models/modelRuntime.js";
import type { ICallOptions } from "../models/progress.js";
import type { PhotoSource } from "../photo/decode.js";
import { FaceFinder } from "../photo/faceFinder.js";
import {
    PrepareBackAsync,
    type IPreparedPhoto,
    type NotBehind,
    type PreparePhotoAsync,
} from "../photo/preparePhoto.js";
import type { IWideCrop } from "../photo/wideCrop.js";
import { FinishInSlicesAsync } from "../slices.js";
import type { IRefineSource } from "./refineViews.js";

/** What of the photos is to be prepared for refinement. */
export interface IPrepareWish {
    /** Largest edge of the crops for detail; 0 for none. */
    readonly cropPx: number;
    /** Whether the wide crops for filling are wanted. */
    readonly wide: boolean;
    /** A photo from behind, for filling alone. */
    readonly back?: PhotoSource;
}

/** What preparing uses. */
export interface IPhotoParts {
    readonly networks: Pick<ModelRuntime, "model" | "headModel" | "runFaceGraphAsync">;
    readonly head: HeadModel;
    preparePhotoAsync: typeof PreparePhotoAsync;
    /** Told about choices that were made for the user. */
    notify(code: string, message: string): void;
}

/**
 * Prepares photos, one after the other.
 * @throws FlexAvatarError those of preparing a photo, with its index
 */
export async function PreparePhotosAsync(
    { networks, preparePhotoAsync, notify }: IPhotoParts,
    photos: readonly PhotoSource[],
    wish: IPrepareWish,
    { signal, onProgress }: ICallOptions,
): Promise<IPreparedPhoto[]> {
    const prepared: IPreparedPhoto[] = [];
    const cropPx = networks.model.photoSize;
    const faces = new FaceFinder(networks);
    const wide = wish.wide && networks.headModel.page !== undefined;
    for (const [index, photo] of photos.entries()) {
        const settings = { cropPx, detailPx: wish.cropPx, wide, faces, signal, onProgress };
        try {
            prepared.push(await preparePhotoAsync(photo, settings));
        } catch (error) {
            throw OfPhoto(error, { name: photos.length > 1 ? `Photo ${index + 1} of ${photos.length}` : "", index });
        }
    }
    for (const notice of prepared.flatMap(({ notices }) => notices)) {
        notify(notice.code, notice.message);
    }
    return prepared;
}

const WhyNotBehind: Record<NotBehind, string> = {
    "no-person": "No person was found in the photo from behind",
    small: "The head in the photo from behind is too small",
    face: "The photo from behind shows a face",
};

/**
 * Prepares the photo from behind, where one is given and filling is wanted.
 * @returns null without one, or where it shows nobody from behind, which is told
 * @throws FlexAvatarError those of preparing a photo
 */
export async function PrepareBackPhotoAsync(
    { networks, notify }: IPhotoParts,
    { wide, back }: IPrepareWish,
    options: ICallOptions,
): Promise<IWideCrop | null> {
    if (back === undefined || !wide || networks.headModel.page === undefined) {
        return null;
    }
    let prepared: IWideCrop | NotBehind;
    try {
        prepared = await PrepareBackAsync(back, { ...options, faces: new FaceFinder(networks) });
    } catch (error) {
        throw OfPhoto(error, { name: "The photo from behind", advice: "Use another one from behind, or none." });
    }
    if (typeof prepared === "string") {
        notify("back-unused", `${WhyNotBehind[prepared]}; hair and bust are made without it.`);
        return null;
    }
    return prepared;
}

/** The same error, which says which of the photos it is about. */
function OfPhoto(error: unknown, which: { name: string; index?: number; advice?: string }): unknown {
    if (!(error instanceof FlexAvatarError) || !error.code.startsWith("photo-")) {
        return error;
    }
    const { code, message, cause } = error;
    const { name, index: photo, advice = error.advice } = which;
    return new FlexAvatarError(code, name ? `${name}: ${message}` : message, { advice, cause, photo });
}

/** Fits the head to all photos together, in slices. @throws FlexAvatarError `aborted` */
export async function FitPhotosAsync(
    head: HeadModel,
    prepared: readonly IPreparedPhoto[],
    signal: AbortSignal | undefined,
): Promise<HeadModelFit> {
    const views = prepared.map(({ landmarks }) => ({ landmarks: WithoutDepth(landmarks) }));
    return await FinishInSlicesAsync(FitHeadModelInSteps(head, views), () =>
        ThrowIfAborted(signal, "fitting the head"),
    );
}

/**
 * Prepares photos of a person that is there already, for refinement.
 * @throws FlexAvatarError those of photos, `aborted`, `refine-failed` if no crop could be made
 */
export async function PrepareRefinementAsync(
    parts: IPhotoParts,
    photos: readonly PhotoSource[],
    wish: IPrepareWish,
    options: ICallOptions,
): Promise<IRefineSource> {
    const prepared = await PreparePhotosAsync(parts, photos, wish, options);
    ThrowIfAborted(options.signal, "fitting the head");
    const back = await PrepareBackPhotoAsync(parts, wish, options);
    const source = RefineSourceOf(prepared, await FitPhotosAsync(parts.head, prepared, options.signal), back);
    if (wish.cropPx > 0 && source.details.length === 0) {
        throw new FlexAvatarError("refine-failed", "The photos were prepared without crops for refinement.");
    }
    return source;
}

/** Crops of a kind that a photo was prepared without are left out of all. */
export function RefineSourceOf(
    prepared: readonly IPreparedPhoto[],
    fit: HeadModelFit,
    back: IWideCrop | null = null,
): IRefineSource {
    const ofAll = <T>(crops: readonly T[]): readonly T[] => (crops.length === prepared.length ? crops : []);
    return {
        fit,
        landmarks: prepared.map(({ landmarks }) => landmarks),
        details: ofAll(prepared.flatMap(({ detail }) => detail ?? [])),
        wides: ofAll(prepared.flatMap(({ wide }) => wide ?? [])),
        back,
    };
}

/** [n,3] to [n,2]. */
function WithoutDepth(landmarks: Float32Array): Float32Array {
    return Float32Array.from({ length: (landmarks.length / 3) * 2 }, (_, i) => landmarks[3 * (i >> 1) + (i & 1)]);
}
