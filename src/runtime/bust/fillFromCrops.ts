/**
 * The filling from photos as they come out of their preparation: cuts the person out of every wide crop, then fills the
 * page (fill.ts).
 */
import { DefaultFocal, type CropCamera } from "../../flame/fit/camera.js";
import { MatteBytes } from "../photo/detailCrop.js";
import { CutOutPerson } from "../photo/matting.js";
import { WiderThanCrop, type IWideCrop } from "../photo/wideCrop.js";
import { Within, type Work } from "../slices.js";
import type { IBustHead, IBustPage, IBustPhoto } from "./bustInput.js";
import { PhotoOfCrop } from "./cropPhoto.js";
import { FillPage, type IFilled, type IFillSteps } from "./fill.js";
import { Clothes, Ears, Project } from "./photo.js";

/** One photo and where it was taken from. */
export interface IFillPhoto {
    readonly wide: IWideCrop;
    /** Of the networks' crop, in the middle of the wide one. */
    readonly camera: CropCamera;
}

/** A person and the photos. */
export interface IFillInput {
    readonly page: IBustPage;
    readonly head: IBustHead;
    /** One to four, in any order: the one that shows most of the person from the front makes the shape. */
    readonly photos: readonly IFillPhoto[];
    /** One from behind, whose middle is about the head's; no camera is known. */
    readonly back?: IWideCrop | null;
    /** Whether shoulders are made. */
    readonly bust: boolean;
    /** Whether hair beyond the scalp is made. */
    readonly hair: boolean;
}

/** What was filled. */
export interface IFillResult extends IFilled {
    /** Whether a hat, or a cloth on the head, became part of the hair. Only a network's classes tell. */
    readonly hasHat: boolean;
}

/** Settings of {@link FillFromCrops}. */
export interface IFillSettings extends IFillSteps {
    /** Whether pixels may be taken out of the input, to spare memory. Default false. */
    readonly takesInput?: boolean;
}

/** Cutting out takes about as long as filling. */
const CutShare = 0.5;
/** Of the person above the ears: from there on clothes are a hat, not a collar, a strap or a mistake. */
const HatShare = 0.25;

/**
 * Fills the page.
 * @returns yields roughly the share done, in steps of some milliseconds
 */
export function* FillFromCrops(
    input: IFillInput,
    { takesInput = false, ...steps }: IFillSettings = {},
): Work<IFillResult> {
    const { page, head, bust, hair } = input;
    const photos: IBustPhoto[] = [];
    const count = input.photos.length + (input.back ? 1 : 0);
    for (const [index, { wide, camera }] of input.photos.entries()) {
        const [from, to] = [(CutShare * index) / count, (CutShare * (index + 1)) / count];
        const { size, person, roll } = wide;
        const { matte, colors } = yield* Within(
            CutOutPerson(wide.pixels, person, size),
            from,
            from + 0.9 * (to - from),
        );
        if (takesInput) {
            (input.photos as (IFillPhoto | null)[])[index] = null;
        }
        const classes = person.classes ? { size: person.size, maps: person.classes } : null;
        yield from + 0.9 * (to - from);
        const cut = { size, pixels: colors, matte: MatteBytes(matte) };
        photos.push(
            yield* Within(PhotoOfCrop(cut, camera, WiderThanCrop, classes, roll), from + 0.9 * (to - from), to),
        );
    }
    const back = input.back ? yield* Within(BackOf(input.back), CutShare * (1 - 1 / count), CutShare) : null;
    yield CutShare;
    const shown = new Map(photos.map((photo) => [photo, Shown(photo)]));
    photos.sort((a, b) => shown.get(b)! - shown.get(a)!);
    const hasHat = hair && IsHatWorn(photos[0]);
    return { ...(yield* Within(FillPage({ page, head, photos, back, bust, hair }, steps), CutShare, 1)), hasHat };
}

/** The photo from behind; its camera is found later. */
function* BackOf({ size, pixels, person }: IWideCrop): Work<IBustPhoto> {
    const { matte, colors } = yield* Within(CutOutPerson(pixels, person, size), 0, 0.9);
    const nowhere: CropCamera = {
        rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
        translation: Float64Array.of(0, 0, -1),
        focal: DefaultFocal,
    };
    const cut = { size, pixels: colors, matte: MatteBytes(matte) };
    return yield* Within(PhotoOfCrop(cut, nowhere, WiderThanCrop, null), 0.9, 1);
}

/** How much of the person a photo shows, in squares of the networks' crop; less from the side, nothing from behind. */
function Shown({ pixels, matte, crop, rotation }: IBustPhoto): number {
    const facing = Math.max(0, rotation[8]); // cosine of the angle between the head's front and the camera
    const person = matte.reduce((sum, alpha, i) => sum + (pixels[4 * i + 3] > 0 ? alpha : 0), 0);
    return (facing * person) / (255 * crop.sidePx ** 2);
}

/** Whether much of the person above the ears is clothes. */
function IsHatWorn(photo: IBustPhoto): boolean {
    const { width, height, matte, classes } = photo;
    if (classes === null) {
        return false;
    }
    const end = Math.min(height, Math.max(0, Math.round(Project(photo, Ears).px[1])));
    let [person, worn] = [0, 0];
    for (let i = 0; i < end * width; i++) {
        person += matte[i];
        worn += classes[3 * i + Clothes] > 127 ? matte[i] : 0;
    }
    return worn > HatShare * person;
}
