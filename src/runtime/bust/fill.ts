/**
 * The second static map of a person, hair beyond the scalp and bust, from one to four photos. Every formula is in
 * training/bust/ALGORITHM.md. Twin: training/bust/fill.py.
 */
import { ScaleMax } from "../layout.js";
import { Within, type Work } from "../slices.js";
import { HairEnds, PlaceBack, SortOut } from "./back.js";
import { BustColor } from "./bustColor.js";
import type { IBand, IBustInput, IBustPage } from "./bustInput.js";
import { Clamp, Frames, QuaternionOf, type IGrid } from "./grids.js";
import { GuessClasses } from "./guessClasses.js";
import { HairSurface, type IHair } from "./hair.js";
import { HairColor, type IHairColor, type ISunkHair } from "./hairColor.js";
import { DepthOf, DepthPicture } from "./head.js";
import { InnerLayer, type ILayer } from "./innerLayer.js";
import { NeckColor } from "./neck.js";
import { CleanPhoto, Hair, type Photo } from "./photo.js";
import { ScalpColor } from "./scalp.js";
import { SideColor } from "./sides.js";
import { Tinted, Toned } from "./tone.js";
import { FitTorso, TorsoReach, type ITorso } from "./torso.js";

/** Texels below it carry no Gaussian. */
const LeastOpacity = 0.02;
/** Opacity of what is wholly shown: the nearer to 1, the fewer Gaussians close the shell. */
const Opaque = 0.995;
/** Texels of a dome below which it is flakes, and no hair. */
const LeastHair = 1000;
/** A head has hair that stands out where so much of what is rather hair than not, is surely hair: a bald one shines. */
const [Rather, Surely, SureShare] = [0.5, 0.85, 0.3];
/** Opacity logit of an empty texel. */
export const Off = -12;
/** Meters: smallest and largest sigma. */
const Sigmas = [0.0006, ScaleMax] as const;

/** What was filled. */
export interface IFilled {
    /** [14,P,P], before activation. */
    readonly map: Float32Array<ArrayBuffer>;
    /** Gaussians that are not empty. */
    readonly count: number;
    /** [n,3] colors of the head where no photo shows it, as they go on from what is seen. */
    readonly headColor: Float64Array;
    /** How well the outline of the photo from behind agrees, 0..1, and whether it was used; null without one. */
    readonly back: { readonly overlap: number; readonly isUsed: boolean } | null;
}

/** Told of the steps, for tests and pictures. */
export interface IFillSteps {
    onTorso?(torso: ITorso, photos: readonly Photo[]): void;
    /** @param hair null where all of it is on the head's own page */
    onHair?(hair: IHair | null): void;
    /** @param photo the one from behind, placed; only where it is used */
    onBack?(photo: Photo): void;
    onHairColor?(color: IHairColor): void;
}

/** How a grid becomes Gaussians. */
interface IWriting {
    readonly opacity: number;
    /** −1 where columns run against the outside. */
    readonly turn: 1 | -1;
    /** Sigma in steps of the grid across and along, and in meters outwards. */
    readonly share: readonly [number, number, number];
}

/**
 * Fills the page. The first photo makes the shape; all give colors and carve.
 * @returns yields roughly the share done, in steps of some milliseconds
 */
export function* FillPage(
    { page, head: given, photos: sources, back: rough = null, bust, hair }: IBustInput,
    steps: IFillSteps = {},
): Work<IFilled> {
    const photos: Photo[] = [];
    for (const [index, source] of sources.entries()) {
        const [from, to] = [(0.4 * index) / sources.length, (0.4 * (index + 1)) / sources.length];
        const classes = source.classes ?? (yield* Within(GuessClasses(source, given), from, (from + to) / 2));
        photos.push(yield* Within(CleanPhoto(source, classes), (from + to) / 2, to));
    }
    const depths: Float64Array[] = [];
    for (const photo of photos) {
        yield 0.4 + (0.02 * depths.length) / photos.length;
        depths.push(DepthPicture(given, photo));
    }
    photos.splice(0, photos.length, ...Toned(photos, given, depths));
    const collar = yield* Within(NeckColor(page, given, photos[0], depths[0]), 0.42, 0.43);
    let head = collar ? { ...given, color: collar.color } : given;
    yield 0.43;
    const torso = yield* Within(FitTorso(page, head, photos[0].torso), 0.43, 0.5);
    steps.onTorso?.(torso, photos);
    yield 0.5;
    const reach = new TorsoReach(page, torso);
    yield 0.51;
    let layer = hair ? yield* Within(HairSurface(page, head, photos, reach), 0.51, 0.6) : null;
    let back: IFilled["back"] = null;
    if (rough) {
        const { photo, overlap } = yield* Within(
            PlaceBack(rough, photos[0], head, layer ? [torso, layer] : [torso]),
            0.6,
            0.62,
        );
        back = { overlap, isUsed: photo !== null };
        if (photo) {
            const seen = Tinted(yield* Within(SortOut(photo, head), 0.62, 0.63), photos[0]);
            photos.push(seen);
            depths.push(DepthPicture(head, seen));
            steps.onBack?.(seen);
            if (hair) {
                layer = yield* Within(HairSurface(page, head, photos, reach, HairEnds(seen), true), 0.63, 0.65);
            }
        }
    }
    steps.onHair?.(layer);

    const texels = page.size ** 2;
    const map = new Float32Array(14 * texels);
    map.fill(Off, 3 * texels, 4 * texels);
    map.fill(Math.log(0.001), 7 * texels, 10 * texels);
    map.fill(1, 13 * texels);
    const front = photos.filter(({ source }) => !source.fromBehind);
    let hairColor: ISunkHair | null = null;
    let covers: Float64Array[] | null = null;
    if (layer) {
        hairColor = yield* Within(HairColor(page, layer, torso, photos, depths), 0.65, 0.83);
        steps.onHairColor?.(hairColor);
        const points = ShownPoints(hairColor.points, hairColor.shown);
        const isThere = points.length >= 3 * LeastHair && front.some(IsSureOfHair);
        if (layer.curtain || back?.isUsed || isThere) {
            layer = { ...layer, points: hairColor.points };
            covers = front.map((photo) => DepthOf(points, photo));
        } else {
            layer = null;
        }
    }
    const sides = SideColor(head, { photos: front, depths, covers }, collar?.collar ?? null, page.dome);
    head = { ...head, color: yield* Within(sides, 0.83, 0.86) };
    if (bust) {
        const upright = photos.map((photo) => photo.torso);
        const color = yield* Within(BustColor(page, head, torso, upright, depths), 0.86, 0.91);
        const how = { opacity: Opaque, turn: 1, share: [0.68, 0.68, 0.0015] } as const;
        yield* Within(Write(map, page, page.bust, { ...torso, color }, how), 0.91, 0.93);
    }
    let headColor = head.color;
    if (layer && hairColor) {
        headColor = yield* Within(ScalpColor(page, head, layer, hairColor, photos[0]), 0.93, 0.94);
        const outer = { opacity: Opaque, turn: -1, share: [0.68, 0.72, 0.0012] } as const;
        yield* Within(Write(map, page, page.hair, hairColor, outer), 0.94, 0.96);
        const inner = { opacity: 0.98, turn: -1, share: [0.7, 0.6, 0.002] } as const;
        const inside = yield* Within(InnerLayer(page, layer, hairColor), 0.96, 0.98);
        yield* Within(Write(map, page, page.hairInner, inside, inner), 0.98, 1);
    }
    const count = map.subarray(3 * texels, 4 * texels).filter((logit) => logit > Off + 1).length;
    return { map, count, back, headColor };
}

function IsSureOfHair({ classes, matte }: Photo): boolean {
    const more = (than: number): number =>
        matte.reduce((sum, alpha, i) => sum + Number(classes[3 * i + Hair] * alpha > than), 0);
    return more(Surely) > SureShare * more(Rather);
}

/** [n,3] points of a grid that are shown. */
function ShownPoints(points: IGrid, shown: IGrid): Float64Array {
    return points.values.filter((_, i) => shown.values[Math.floor(i / 3)] > 0.5);
}

/** Points, colors and opacity of a grid into its band. Yields after some rows. */
function* Write(
    map: Float32Array,
    page: IBustPage,
    band: IBand,
    layer: ILayer,
    { opacity, turn, share }: IWriting,
): Work<void> {
    const { points, color, shown } = layer;
    const texels = page.size ** 2;
    const start = band.first * page.size;
    const { axes, width, length } = Frames(points);
    yield 0.4;
    const [turned, quaternion] = [new Float64Array(9), new Float64Array(4)];
    const put = (channel: number, i: number, value: number): void => {
        map[channel * texels + start + i] = value;
    };
    for (let i = 0; i < width.length; i++) {
        if (i > 0 && i % (30 * points.columns) === 0) {
            yield 0.4 + (0.6 * i) / width.length;
        }
        const alpha = opacity * shown.values[i];
        const visible = Clamp(alpha, LeastOpacity, Opaque);
        put(3, i, alpha >= LeastOpacity ? Math.log(visible / (1 - visible)) : Off);
        const sigmas = [width[i] * share[0], length[i] * share[1], share[2]];
        for (let k = 0; k < 3; k++) {
            put(k, i, points.values[3 * i + k] - page.base[3 * (start + i) + k]);
            put(4 + k, i, Clamp(color.values[3 * i + k], 0, 1));
            put(7 + k, i, Math.log(Clamp(sigmas[k], ...Sigmas)));
        }
        for (let k = 0; k < 9; k++) {
            turned[k] = k % 3 === 1 ? axes[9 * i + k] : turn * axes[9 * i + k];
        }
        QuaternionOf(turned, 0, quaternion);
        quaternion.forEach((value, k) => put(10 + k, i, value));
    }
}
