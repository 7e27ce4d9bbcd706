/**
 * What becomes of the solved colors where a photo is not to be believed: a low band without seams, detail of the other side, no highlights.
 * Twin: training/refine/spread.py.
 */
import { PushPull, type Atlas, type Plane } from "./atlas.js";
import type { IRefineConstants } from "./refineInput.js";

const Luma = [0.299, 0.587, 0.114] as const;
/** Regions whose highlights would stick to the skin when light or head moves. */
const Shiny = ["face", "scalp", "neck", "ears"];
/** Saturation that a highlight loses to be one for sure. */
const Paler = 0.1;

/**
 * Outer chart: the low band everywhere, the own high band by trust, and where the mirrored side is believed more, its high band. Eyes: by trust.
 * @param change three maps [U,U] of color differences
 * @param trust [U,U]
 * @returns three maps: what is kept
 */
export function Spread(atlas: Atlas, change: readonly Plane[], trust: Plane, { lowBox, fade, mirror }: IRefineConstants): Plane[] {
    const { outer, detached } = atlas;
    const believed = trust.map((value, i) => value * outer[i]);
    const { means, restsOn } = atlas.mean(change, believed, lowBox);
    const known = restsOn.map((value, i) => Math.min(1, value) * outer[i]);
    return change.map((own, channel) => {
        const low = PushPull(means[channel], known, atlas.size, fade);
        const high = own.map((value, i) => (believed[i] > 0 ? value - low[i] : 0));
        return own.map((value, i) => {
            if (outer[i] === 0) {
                return detached[i] === 1 ? 0 : trust[i] * value;
            }
            const other = atlas.mirrored(i);
            const more = Math.max(0, mirror * believed[other] - believed[i]);
            return low[i] + believed[i] * high[i] + more * high[other];
        });
    });
}

/**
 * Takes away a part of what is brighter than its surroundings and paler than they are. Eyes, lids and lips keep theirs.
 * @param colors three maps [U,U]; changed in place
 */
export function DimHighlights(atlas: Atlas, colors: readonly Plane[], { lowBox, highlight: [most, part] }: IRefineConstants): void {
    const { means: base } = atlas.mean(colors, atlas.outer, 2 * lowBox);
    const shiny = atlas.toMap(atlas.regions(...Shiny));
    const luma = (maps: readonly Plane[], i: number): number => Luma.reduce((sum, weight, channel) => sum + weight * maps[channel][i], 0);
    const saturation = ([red, green, blue]: readonly Plane[], i: number): number =>
        1 - Math.min(red[i], green[i], blue[i]) / Math.max(1e-3, red[i], green[i], blue[i]);
    for (let i = 0; i < shiny.length; i++) {
        if (shiny[i] === 1) {
            const excess = luma(colors, i) - luma(base, i);
            const paler = Math.min(1, Math.max(0, (saturation(base, i) - saturation(colors, i)) / Paler));
            const amount = (part * paler * Math.max(0, excess - most)) / Math.max(1e-3, excess);
            for (let channel = 0; channel < 3; channel++) {
                colors[channel][i] += amount * (base[channel][i] - colors[channel][i]);
            }
        }
    }
}
