/**
 * Colors of the head that no photo shows well: the sides of the face, ears and neck. The networks paint them like
 * whatever lies behind the person; they go on from what is seen. Twin: training/bust/sides.py.
 */
import { Within, type Work } from "../slices.js";
import { AtlasGrid } from "./atlasGrid.js";
import { HiddenSlack } from "./bustColor.js";
import type { IBustHead } from "./bustInput.js";
import { HairGrain } from "./grain.js";
import { Clamp, Ramp, RowsOf, SmoothStep } from "./grids.js";
import { HiddenBy } from "./head.js";
import { Hair, Skin, type Photo } from "./photo.js";

type Range = readonly [number, number];

/** Cosines to the camera, up to which and from which on a photo is believed. */
const Rim: Range = [0.12, 0.37];
/** The same for hair on the scalp, whose surface is rough. */
const ScalpRim: Range = [0.05, 0.25];
/** The same for what is darker than skin: a beard, the hair of a temple, glasses. */
const LooseRim: Range = [0.1, 0.35];
/** Of the Gaussians around that must be believed too. */
const [Agree, AllAgree]: readonly Range[] = [
    [0.4, 0.9],
    [0.7, 1],
];
/** Meters: the face below it, under other hair, is skin. */
const Below: Range = [0.02, 0];
/** Meters behind the other hair from which on a point lies under it. */
const Covered = 0.004;
/** Trust, up to which and from which on a color goes on to others. */
const SolidTrust: Range = [0.5, 1];
/** Of all classes: what none wants, up to the first, is a beard before the neck. */
const Nothing: Range = [0.3, 0.6];
/** How much a guess counts beside what photos show. */
const Unknown = 0.3;
/** Share of hair, up to which and from which on its color goes on. */
const Locks: Range = [0.7, 0.95];
/** Share of seen hair around, up to which and from which on it is amid hair. */
const Amid: Range = [0.5, 0.95];
/** Gaussians of seen hair below which it has no color. */
const LeastHair = 100;
/** A color is hair's where it is so much nearer to it than to skin, of both distances. */
const Nearer: Range = [0.45, 0.65];
/** Distance of both colors below which they cannot be told apart. */
const Apart = 0.12;
/** Such a distance to hair, from which and up to which on it is hair below the ears. */
const Close: Range = [0.35, 0.25];
/** Meters: unseen hair grows on the face above it. */
const Upper: Range = [0, 0.02];
/** What is left of the networks' light, against the skin that goes on; how much darker where it may be a beard. */
const [Light, Darker]: readonly [Range, number] = [[0.45, 1], 0.2];
/** Least of it where a photo shows background or clothes, which the networks took for the face. */
const StrangeLight = 0.8;
/** The same for hair. */
const HairLight: Range = [0.4, 1.2];
/** The same for hair on the scalp, which the networks color like the background. */
const ScalpLight: Range = [0.6, 1];
/** What is left of their tint there: what is seen of short hair has much of the skin's. */
const ScalpTint = 0.75;
/** How much a strand moves the edge of hair that no photo shows. */
const Ragged = 0.5;
/** What is left of the networks' detail: of skin, ears and hair. */
const [SkinFine, EarFine, HairFine]: readonly Range[] = [
    [0.92, 1.06],
    [0.6, 1.2],
    [0.75, 1.25],
];
/** What is left of their tint, of skin and of ears. */
const [Tint, EarTint] = [0.04, 0.08];
/** Skin that goes on is not brighter than this share of what is seen: the rim of a face may shine. */
const Brightest = 0.75;
/** The same for hair on the scalp. */
const BrightestHair = 0.7;
/** Added to both lights before their ratio. */
const Dark = 0.02;

/** What photos show of the head's Gaussians, [n] each: the best of all. */
class Seen {
    /** In their colors. */
    public readonly trust: Float64Array;
    /** Whether they are seen at least aside. */
    public readonly loose: Float64Array;
    /** Whether a photo shows skin. */
    public readonly bare: Float64Array;
    /** Whether a photo shows hair, or hair before them. */
    public readonly hairy: Float64Array;
    /** Whether hair is what is seen. */
    public readonly grown: Float64Array;
    /** Whether background or clothes are seen in their place. */
    public readonly other: Float64Array;

    public constructor(count: number) {
        [this.trust, this.loose, this.bare, this.hairy, this.grown, this.other] = [0, 1, 2, 3, 4, 5].map(
            () => new Float64Array(count),
        );
    }

    /** Looks at a photo. @param cover depth picture of hair that is not the head's own. Yields between its steps. */
    public *look(
        { means, normals, scalp, neck, ears }: IBustHead,
        grid: AtlasGrid,
        photo: Photo,
        depth: Float64Array,
        cover: Float64Array | null,
    ): Work<void> {
        const count = scalp.length;
        const { px } = photo.project(means);
        const classes = photo.at(photo.classes, px, 3);
        yield 0.2;
        const garment = photo.at(photo.garment, px);
        const sure = photo.at(photo.sure, px);
        const inside = photo.inside(px, 2);
        yield 0.4;
        const hidden = HiddenBy(means, depth, photo, HiddenSlack);
        const covered = cover ? HiddenBy(means, cover, photo, Covered) : null;
        yield 0.6;
        const [trust, loose] = [new Float64Array(count), new Float64Array(count)];
        for (let g = 0; g < count; g++) {
            const y = means[3 * g + 1];
            const to = photo.eye.map((value, k) => value - means[3 * g + k]);
            const facing =
                to.reduce((sum, value, k) => sum + value * normals[3 * g + k], 0) / Math.hypot(to[0], to[1], to[2]);
            const here = inside[g] * Ramp(sure[g], 0.5, 0.9);
            const hair = Ramp(classes[3 * g + Hair], 0.3, 0.6);
            // hair does not grow on the neck, and under other hair there is a face
            const isFace = scalp[g] + ears[g] === 0;
            const beneath = neck[g] === 1 ? 1 : covered && isFace ? covered[g] * Ramp(y, ...Below) : 0;
            const worn = y < 0 && scalp[g] === 0 ? Ramp(garment[g], 0.2, 0.5) : 0;
            const wanted = classes[3 * g] + classes[3 * g + 1] + classes[3 * g + 2];
            const dressed = neck[g] === 1 ? Math.max(worn, 1 - Ramp(wanted, ...Nothing)) : worn;
            const seen = here * (1 - hidden[g]) * (1 - beneath * hair) * (1 - dressed);
            trust[g] = seen * Ramp(facing, ...(scalp[g] === 1 && !cover ? ScalpRim : Rim));
            loose[g] = seen * Ramp(facing, ...LooseRim);
            this.bare[g] = Math.max(this.bare[g], seen * Ramp(classes[3 * g + Skin], 0.5, 0.8) * Ramp(facing, 0, 0.2));
            // a collar beside the jaw may be half hair to the network for classes
            const hairy = here * hair * (1 - beneath) * (1 - dressed) * Ramp(facing, -0.5, -0.2);
            this.hairy[g] = Math.max(this.hairy[g], hairy);
            const other = Math.max(1 - Ramp(sure[g], 0.5, 0.9), dressed);
            this.other[g] = Math.max(this.other[g], inside[g] * (1 - hidden[g]) * other * Ramp(facing, -0.4, 0));
            this.grown[g] = Math.max(this.grown[g], seen * Ramp(classes[3 * g + Hair], ...Locks));
        }
        yield 0.8;
        for (const [best, share, agree] of [
            [this.trust, trust, Agree],
            [this.loose, loose, AllAgree],
        ] as const) {
            const around = grid.smooth(share);
            best.forEach((value, g) => (best[g] = Math.max(value, Math.min(share[g], Ramp(around[g], ...agree)))));
        }
    }
}

const SumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

/** Light of a color [3] in a list. */
function LightOf(colors: Float64Array, g: number): number {
    return 0.299 * colors[3 * g] + 0.587 * colors[3 * g + 1] + 0.114 * colors[3 * g + 2] + Dark;
}

/** Distance of two colors [3] in lists. */
function Distance(a: Float64Array, b: Float64Array, g: number): number {
    return Math.hypot(a[3 * g] - b[3 * g], a[3 * g + 1] - b[3 * g + 1], a[3 * g + 2] - b[3 * g + 2]);
}

/** Makes colors that go on no brighter than most of what is seen of them. */
function Dim(colors: Float64Array, own: Float64Array, seen: Float64Array, rank: number): void {
    const ranked = Float64Array.from(
        Array.from(seen.keys()).filter((g) => seen[g] > 0.5),
        (g) => LightOf(own, g),
    ).sort();
    if (ranked.length === 0) {
        return;
    }
    const most = ranked[Math.floor(rank * ranked.length)];
    seen.forEach((_, g) => {
        const factor = Math.min(1, most / LightOf(colors, g));
        for (let k = 0; k < 3; k++) {
            colors[3 * g + k] *= factor;
        }
    });
}

/** Depth pictures of the head, and of hair that is not its own, in each photo. */
export interface ISidePhotos {
    readonly photos: readonly Photo[];
    readonly depths: readonly Float64Array[];
    /** Null where there is no other hair. */
    readonly covers: readonly Float64Array[] | null;
}

/**
 * The head's colors with sides that go on from what is seen. The scalp stays as it is.
 * @param collar [n] part of each Gaussian that is a standing collar, which stays; null where none is
 * @returns [n,3]; yields between its steps
 */
export function* SideColor(
    head: IBustHead,
    { photos, depths, covers }: ISidePhotos,
    collar: Float64Array | null,
    center: readonly number[],
): Work<Float64Array<ArrayBuffer>> {
    const { scalp, ears, neck, means, color: own } = head;
    const count = scalp.length;
    const grid = new AtlasGrid(head.place);
    const seen = new Seen(count);
    for (const [index, photo] of photos.entries()) {
        for (const share of seen.look(head, grid, photo, depths[index], covers ? covers[index] : null)) {
            yield (0.4 * (index + (share as number))) / photos.length;
        }
    }
    const { trust } = seen;
    const solid = trust.map((value) => Ramp(value, ...SolidTrust));
    const isSkin = solid.map((value, g) => value * seen.bare[g] * (1 - seen.hairy[g]));
    const isHair = solid.map((value, g) => value * seen.grown[g] * (1 - seen.bare[g]));
    // where hair meets skin or background it has their color
    const inHair = grid.smooth(isHair);
    const deep = isHair.map((value, g) => Math.min(value, Ramp(inHair[g], ...Amid)));
    const skin = grid.spread(own, isSkin);
    Dim(skin, own, isSkin, Brightest);
    yield 0.5;
    const low = grid.smooth(
        own,
        trust.map((value) => 1 - value + 1e-3),
    );
    yield 0.6;
    const hasHair = SumOf(isHair) > LeastHair;
    const locks = SumOf(deep) > LeastHair ? deep : isHair;
    const hair = hasHair ? grid.spread(own, locks) : skin;
    const isHairy = hasHair && SumOf(isHair.map((value, g) => value * scalp[g])) > LeastHair / 2; // and not only bearded
    const grain = new Float64Array(count);
    yield 0.65;
    if (isHairy && !covers) {
        Dim(hair, own, locks, BrightestHair);
        const strewn = Uint32Array.from(Array.from(scalp.keys()).filter((g) => scalp[g] + neck[g] === 1));
        const shown = Float64Array.from(strewn, (g) => locks[g]);
        const strands = HairGrain(RowsOf(means, strewn), center, RowsOf(own, strewn), shown);
        (yield* Within(strands, 0.65, 0.75)).forEach((value, i) => (grain[strewn[i]] = value));
    }
    yield 0.75;
    // what is hair, and what is skin
    const like = new Float64Array(count);
    const weight = new Float64Array(count);
    const kind = new Float64Array(count);
    const close = new Float64Array(count).fill(1);
    for (let g = 0; g < count; g++) {
        if (hasHair) {
            const [fromSkin, fromHair] = [Distance(low, skin, g), Distance(low, hair, g)];
            close[g] = Ramp(fromHair, ...Close);
            like[g] =
                Ramp(fromSkin / Math.max(fromSkin + fromHair, 1e-6), ...Nearer) *
                Ramp(Distance(hair, skin, g), Apart, 2 * Apart);
        }
        const above = Ramp(means[3 * g + 1], ...Upper);
        const upper = ears[g] === 1 ? 1 : neck[g] === 1 ? 0 : above;
        const guess = scalp[g] === 1 ? 1 : upper * like[g];
        // below the ears it is a beard, or clothes that the network for classes takes for hair
        const believed = scalp[g] === 1 ? 1 : Math.max(above, close[g]);
        const hairy = seen.hairy[g] * believed * (ears[g] === 1 ? like[g] : 1);
        // a lock before the head's outline is no skin of the scalp
        const bare = scalp[g] === 1 ? Math.min(seen.bare[g], solid[g]) : seen.bare[g];
        const known = Math.max(hairy, bare);
        weight[g] = known + (1 - known) * Unknown;
        kind[g] = ((known * hairy) / Math.max(hairy + bare, 1e-9) + (1 - known) * Unknown * guess) / weight[g];
    }
    // skin of the face says nothing of the scalp beside it
    const [onEars, onScalp, elsewhere] = [
        ears,
        scalp.map((value, g) => value + neck[g]),
        ears.map((value) => 1 - value),
    ].map((part) =>
        grid.smooth(
            kind,
            weight.map((value, g) => value * part[g]),
        ),
    );
    yield 0.8;
    const [nearScalp, strange] = [grid.smooth(scalp), grid.smooth(seen.other)];
    yield 0.9;
    const result = own.slice() as Float64Array<ArrayBuffer>;
    for (let g = 0; g < count; g++) {
        const isEar = ears[g] === 1;
        const use = scalp[g] === 1 && covers ? 0 : (1 - (collar ? collar[g] : 0)) * (1 - trust[g]);
        if (use === 0) {
            continue;
        }
        const share = (scalp[g] === 1 ? isHairy : hasHair)
            ? SmoothStep((isEar ? onEars : scalp[g] === 1 ? onScalp : elsewhere)[g] + Ragged * grain[g], 0.35, 0.65)
            : 0;
        // of the networks' light and shade, detail and tint stays what can be believed
        const lit = LightOf(low, g);
        const [shade, fine] = [lit / LightOf(skin, g), LightOf(own, g) / lit];
        const tint = [0, 1, 2].map((k) => low[3 * g + k] - shade * skin[3 * g + k]);
        const kept = Math.min(1, (isEar ? EarTint : Tint) / Math.max(Math.hypot(...tint), 1e-9));
        const least = Math.max(Light[0] - Darker * Math.max(seen.loose[g], nearScalp[g]), StrangeLight * strange[g]);
        const believed = Clamp(shade, least, Light[1]);
        const relief = Clamp(fine, ...(isEar ? EarFine : SkinFine));
        const rough = Math.exp(grain[g]);
        const believedTint = scalp[g] === 1 ? ScalpTint : 0;
        const tinted = [0, 1, 2].map(
            (k) => hair[3 * g + k] * (1 - believedTint) + believedTint * low[3 * g + k] * (LightOf(hair, g) / lit),
        );
        const light = scalp[g] === 1 ? ScalpLight : HairLight;
        const strand = Clamp(lit / LightOf(hair, g), ...light) * Clamp(fine, ...HairFine);
        const stays = covers ? 1 : scalp[g] === 1 ? 0 : Math.max(seen.grown[g], like[g]);
        for (let k = 0; k < 3; k++) {
            const i = 3 * g + k;
            const bare = (believed * skin[i] + tint[k] * kept) * relief;
            const strands = (strand * tinted[k] * (1 - stays) + own[i] * stays) * rough;
            result[i] += use * (bare + share * (strands - bare) - own[i]);
        }
    }
    return result;
}
