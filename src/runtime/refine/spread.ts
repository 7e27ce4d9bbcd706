/**
 * What becomes of the solved colors where a photo is not to be believed: a low band without seams, detail of the other
 * side, no highlights. Twin: training/refine/spread.py.
 */
import { PushPull, Teeth, type Atlas, type Plane } from "./atlas.js";
import { Luma, Ramp } from "./measures.js";
import type { IRefineConstants } from "./refineInput.js";

/** Regions whose highlights would stick to the skin when light or head moves. */
const Shiny = ["face", "scalp", "neck", "ears"];
/** Saturation that a highlight loses to be one for sure. */
const Paler = 0.1;
/** Texels of a map of 256 on either side of a box: what is hidden in a fold takes the color of the nearest skin. */
const LidBox = 1;
/** Texels of teeth that a photo must show, to give the others their tone. */
const LeastTeeth = 16;

/** What is spread: maps [U,U], three where there are colors. */
export interface ISpread {
    /** Colors before. */
    readonly given: readonly Plane[];
    /** What was solved, as differences. */
    readonly change: readonly Plane[];
    readonly trust: Plane;
}

/**
 * Outer chart: the low band everywhere, the own high band by trust, and where the mirrored side is believed more, its
 * high band. On the sides of the face, near what is believed, the networks' colors (there the rim of the photo's
 * silhouette, drawn out) give way to the neighbours'. What open eyes hide in a fold of the lids takes the color of the
 * skin around. Eyes, teeth and the edges of the lids: by trust alone, and they give nothing to the low band; teeth that
 * no photo shows take the tone of those that one shows.
 * @returns three maps: what is kept
 */
export function Spread(atlas: Atlas, { given, change, trust }: ISpread, constants: IRefineConstants): Plane[] {
    const { outer, detached, sides, folded } = atlas;
    const { lowBox, fade, mirror, nearBox, near } = constants;
    const believed = trust.map((value, i) => value * outer[i]);
    const shown = change.map((own, channel) => own.map((value, i) => value + given[channel][i]));
    const low = Fill(atlas, change, believed, lowBox, fade);
    const smooth = Fill(atlas, shown, believed, lowBox, 1);
    const skin = Fill(atlas, shown, SkinAround(atlas, shown, believed, constants), LidBox, 1);
    const tooth = ToneOfTeeth(atlas, change, trust);
    const isTooth = atlas.toMap(atlas.regions(...Teeth));
    const nearby = atlas.twice(believed, nearBox).map((value, i) => Math.min(1, near * value) * sides[i]);
    return change.map((own, channel) => {
        const high = own.map((value, i) => (believed[i] > 0 ? value - low[channel][i] : 0));
        return own.map((value, i) => {
            if (outer[i] === 0) {
                return detached[i] === 1 ? 0 : trust[i] * value + (1 - trust[i]) * isTooth[i] * tooth[channel];
            }
            const other = atlas.mirrored(i);
            const more = Math.max(0, mirror * believed[other] - believed[i]);
            const beside = smooth[channel][i] - given[channel][i] - low[channel][i];
            const kept =
                low[channel][i] + believed[i] * high[i] + more * high[other] + (1 - believed[i]) * nearby[i] * beside;
            return kept + folded[i] * (skin[channel][i] - given[channel][i] - kept);
        });
    });
}

/** Low band of maps where `weight` is, spread to all the rest. Squared: what is half believed may be something else. */
function Fill(atlas: Atlas, maps: readonly Plane[], weight: Plane, box: number, fade: number): Plane[] {
    const { means, restsOn } = atlas.mean(
        maps,
        weight.map((value) => value * value),
        box,
    );
    const known = restsOn.map((value, i) => Math.min(1, value) * atlas.outer[i]);
    return means.map((mean) => PushPull(mean, known, atlas.size, fade));
}

/**
 * How much a texel's color is that of lit skin outside of folds: brows and shadows are darker than what is around them.
 */
function SkinAround(
    atlas: Atlas,
    shown: readonly Plane[],
    believed: Plane,
    { lightBox, lidLight }: IRefineConstants,
): Plane {
    const { means } = atlas.mean(shown, believed, lightBox);
    return believed.map(
        (value, i) =>
            value * (1 - atlas.folded[i]) * Ramp(LumaOf(shown, i) / Math.max(1e-3, LumaOf(means, i)), lidLight),
    );
}

/** [3] median change of the teeth that a photo shows; nothing where none does. */
function ToneOfTeeth(atlas: Atlas, change: readonly Plane[], trust: Plane): number[] {
    const isTooth = atlas.toMap(atlas.regions(...Teeth));
    const shown = Array.from(isTooth.keys()).filter((i) => isTooth[i] === 1 && trust[i] > 0.5);
    return change.map((map) =>
        shown.length < LeastTeeth ? 0 : shown.map((i) => map[i]).sort((a, b) => a - b)[shown.length >> 1],
    );
}

function LumaOf(maps: readonly Plane[], i: number): number {
    return Luma.reduce((sum, weight, channel) => sum + weight * maps[channel][i], 0);
}

/**
 * Takes away a part of what is brighter than its surroundings and paler than they are. Eyes, lids and lips keep theirs.
 * @param colors three maps [U,U]; changed in place
 */
export function DimHighlights(
    atlas: Atlas,
    colors: readonly Plane[],
    { lowBox, highlight: [most, part] }: IRefineConstants,
): void {
    const { means: base } = atlas.mean(colors, atlas.outer, 2 * lowBox);
    const shiny = atlas.toMap(atlas.regions(...Shiny));
    const saturation = ([red, green, blue]: readonly Plane[], i: number): number =>
        1 - Math.min(red[i], green[i], blue[i]) / Math.max(1e-3, red[i], green[i], blue[i]);
    for (let i = 0; i < shiny.length; i++) {
        if (shiny[i] === 1) {
            const excess = LumaOf(colors, i) - LumaOf(base, i);
            const paler = Math.min(1, Math.max(0, (saturation(base, i) - saturation(colors, i)) / Paler));
            const amount = (part * paler * Math.max(0, excess - most)) / Math.max(1e-3, excess);
            for (let channel = 0; channel < 3; channel++) {
                colors[channel][i] += amount * (base[channel][i] - colors[channel][i]);
            }
        }
    }
}
