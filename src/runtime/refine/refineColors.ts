/**
 * Photos and a static map to the photos' own detail (paper, section 3.4, colors alone): geometry, opacity, driver and delta maps stay.
 * Typed arrays in, typed arrays out; the same input gives the same bytes. Twin: training/refine, whose ALGORITHM.md has every formula.
 */
import { Atlas, type Plane } from "./atlas.js";
import { Ramp } from "./measures.js";
import type { IRefineConstants, IRefineInput, IRefineResult, IRefineTable } from "./refineInput.js";
import { SeenView } from "./seenView.js";
import { Within } from "./slices.js";
import { FindTones, SolveColors } from "./solveColors.js";
import { DimHighlights, Spread } from "./spread.js";

/** Texels of a map of 256 on either side of the box in which trust rises. */
const SmoothBox = 2;

/** What tests look at on the way. */
export interface IRefineSteps {
    /** After step 3 of ALGORITHM.md. */
    onSeen?(view: SeenView, index: number): void;
    /** After step 5. */
    onTrust?(view: SeenView, index: number): void;
    onRound?(colors: Float32Array): void;
    /** [U,U] */
    onSpread?(trust: Float32Array): void;
}

/**
 * Refines.
 * @returns yields the share done, 0 to 1: steps of some milliseconds each
 */
export function* RefineColors(
    { table, staticMap, views, settings }: IRefineInput,
    steps: IRefineSteps = {},
): Generator<number, IRefineResult> {
    const atlas = new Atlas(table, settings);
    const given = StaticColors(table, staticMap);
    const seen: SeenView[] = [];
    // Shares of the whole by the time they take: views, tones and likeness, rounds, the rest.
    for (const [index, view] of views.entries()) {
        const made = SeenView.Make(table, atlas, staticMap, view, settings);
        seen.push(yield* Within(made, (0.45 * index) / views.length, (0.45 * (index + 1)) / views.length));
        steps.onSeen?.(seen[index], index);
    }
    const face = atlas.regions("face");
    yield* Within(FindTones(seen, given, face, settings.gainLimit), 0.45, 0.5);
    for (const [index, view] of seen.entries()) {
        const likeness = yield* Within(Likeness(table, atlas, view, given, settings), 0.5 + (0.07 * index) / seen.length, 0.57);
        view.trust = SmoothTrust(
            table,
            atlas,
            view.trust.map((value, g) => value * likeness[g]),
        );
        steps.onTrust?.(view, index);
    }
    const isFree = Float32Array.from(table.texel, (texel) => 1 - atlas.detached[texel]);
    const solved = yield* Within(SolveColors(seen, given, isFree, settings.rounds, settings, steps.onRound), 0.57, 0.87);
    const together = seen[0].trust.map((_, g) => Math.max(...seen.map(({ trust }) => trust[g])));
    const trust = atlas.toMap(together);
    steps.onSpread?.(trust);
    const change = solved.map((value, i) => value - given[i]);
    yield 0.88;
    const before = [0, 1, 2].map((channel) => atlas.toMap(given, 3, channel));
    const kept = Spread(
        atlas,
        {
            given: before,
            change: [0, 1, 2].map((channel) => atlas.toMap(change, 3, channel)),
            trust,
        },
        settings,
    );
    yield 0.9;
    const colors = kept.map((map, channel) => map.map((value, i) => value + before[channel][i]));
    const spread = Float32Array.from(given, (_, i) => Math.min(1, Math.max(0, colors[i % 3][table.texel[(i / 3) | 0]])));
    // What is believed takes up what spreading took away beside it.
    const believed = together.map((value, g) => value ** 2 * isFree[g] * (1 - atlas.folded[table.texel[g]]));
    const last = yield* Within(SolveColors(seen, spread, believed, settings.lastRounds, settings), 0.9, 0.99);
    const shown = [0, 1, 2].map((channel) => atlas.toMap(last, 3, channel));
    DimHighlights(atlas, shown, settings);
    return { detail: Detail(table, atlas, given, shown), faceTrust: MeanOver(face, together) };
}

/** [n,3] */
function StaticColors({ mapSize, texel, gaussianCount }: IRefineTable, staticMap: Float32Array): Float32Array {
    return new Float32Array(3 * gaussianCount).map((_, i) => staticMap[(4 + (i % 3)) * mapSize ** 2 + texel[(i / 3) | 0]]);
}

/** [n] 0 where photo and avatar differ so much in the low band that something else is seen there. */
function* Likeness(
    table: IRefineTable,
    atlas: Atlas,
    view: SeenView,
    colors: Float32Array,
    { lowBox, unlike, oblique }: IRefineConstants,
): Generator<number, Plane> {
    const apart = new Float32Array(colors.length);
    const { gain, seen, facing } = view;
    yield* view.compare(colors, (drawn, coverage, photo, channel) => gain[channel] * photo - drawn / Math.max(coverage, 1e-3), apart);
    apart.forEach((value, i) => (apart[i] = value / (seen[(i / 3) | 0] + 1e-3)));
    yield 0.7;
    const known = atlas.toMap(seen).map((value, i) => Math.min(1, value) * atlas.outer[i]);
    const { means } = atlas.mean(
        [0, 1, 2].map((channel) => atlas.toMap(apart, 3, channel)),
        known,
        lowBox,
    );
    return Float32Array.from(table.texel, (texel, g) => {
        const far = Math.max(...means.map((mean) => Math.abs(mean[texel]))) / (oblique + (1 - oblique) * facing[g]);
        return atlas.outer[texel] === 1 ? Ramp(far, [unlike[1], unlike[0]]) : 1;
    });
}

/** [n] rises from 0 over a few texels, and is 0 where it was. Texels without a Gaussian do not count. */
function SmoothTrust(table: IRefineTable, atlas: Atlas, trust: Plane): Plane {
    const smooth = atlas.box(atlas.toMap(trust), SmoothBox);
    const counted = atlas.box(atlas.toMap(new Float32Array(trust.length).fill(1)), SmoothBox);
    return trust.map((value, g) => (value > 0 ? smooth[table.texel[g]] / counted[table.texel[g]] : 0));
}

/** [3,H,W] differences; 0 at texels without a Gaussian and where the driver rules. */
function Detail(table: IRefineTable, atlas: Atlas, given: Float32Array, colors: readonly Plane[]): Float32Array<ArrayBuffer> {
    const texels = table.mapSize ** 2;
    const detail = new Float32Array(3 * texels);
    table.texel.forEach((texel, g) => {
        if (atlas.detached[texel] === 0) {
            for (let channel = 0; channel < 3; channel++) {
                const color = Math.min(1, Math.max(0, colors[channel][texel]));
                detail[channel * texels + texel] = color - given[3 * g + channel];
            }
        }
    });
    return detail;
}

function MeanOver(chosen: Float32Array, values: Float32Array): number {
    const count = chosen.reduce((sum, value) => sum + value, 0);
    return count > 0 ? values.reduce((sum, value, g) => sum + chosen[g] * value, 0) / count : 0;
}
