/**
 * Photos and a static map to the photos' own detail (paper, section 3.4, colors alone): geometry, opacity, driver and
 * delta maps stay. Typed arrays in, typed arrays out; the same input gives the same bytes. Twin: training/refine, whose
 * ALGORITHM.md has every formula.
 */
import { Atlas, type Plane } from "./atlas.js";
import { Ramp } from "./measures.js";
import { ProjectView, type IEllipses } from "./projectView.js";
import type { IRefineConstants, IRefineInput, IRefineResult, IRefineTable, IRefineView } from "./refineInput.js";
import { DriverColors, SeenView, WeighView } from "./seenView.js";
import { ShrinkView } from "./shrinkView.js";
import { Within, type Work } from "../slices.js";
import { SolveCloseUp, type ICloseUpPhoto } from "./solveCloseUp.js";
import { FindTones, SolveColors } from "./solveColors.js";
import { BuildSplatWeights } from "./splatWeights.js";
import { DimHighlights, Spread } from "./spread.js";
import type { Weigher } from "./weigher.js";

/** Texels of a map of 256 on either side of the box in which trust rises. */
const SmoothBox = 2;

/** What may be taken apart. */
type Taken<T> = { -readonly [K in keyof T]: T[K] };

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

/** How {@link RefineColors} works. */
export interface IRefineWays {
    /** Makes w. Default: on the processor, {@link BuildSplatWeights}. */
    weigh?: Weigher;
    /**
     * Whether maps, views and skin weights may be taken out of the input as soon as they are not needed, to free their
     * memory. Default false.
     */
    takesInput?: boolean;
}

/**
 * Refines.
 * @returns yields the share done, 0 to 1, or what it waits for: steps of some milliseconds each
 */
export function* RefineColors(
    input: IRefineInput,
    steps: IRefineSteps = {},
    { weigh = BuildSplatWeights, takesInput = false }: IRefineWays = {},
): Work<IRefineResult> {
    const seen: SeenView[] = [];
    try {
        return yield* Refine(input, seen, weigh, takesInput, steps);
    } finally {
        seen.forEach(({ weights }) => weights.dispose());
    }
}

function* Refine(
    input: IRefineInput,
    seen: SeenView[],
    weigh: Weigher,
    takesInput: boolean,
    steps: IRefineSteps,
): Work<IRefineResult> {
    const { table, settings } = input;
    const atlas = new Atlas(table, settings);
    const given = StaticColors(table, input.staticMap);
    // Shares of the whole by the time they take: views, tones and likeness, rounds, the rest.
    yield* Within(SeeViews(input, atlas, seen, weigh, takesInput, steps), 0, 0.45);
    const face = atlas.regions("face");
    yield* Within(FindTones(seen, given, face, settings.gainLimit), 0.45, 0.5);
    for (const [index, view] of seen.entries()) {
        const [from, to] = [index, index + 1].map((done) => 0.5 + (0.07 * done) / seen.length);
        const likeness = yield* Within(Likeness(table, atlas, view, given, settings), from, to);
        view.trust = SmoothTrust(
            table,
            atlas,
            view.trust.map((value, g) => value * likeness[g]),
        );
        view.facing = null;
        steps.onTrust?.(view, index);
    }
    const isFree = Float32Array.from(table.texel, (texel) => 1 - atlas.detached[texel]);
    let solved = yield* Within(SolveColors(seen, given, isFree, settings.rounds, settings, steps.onRound), 0.57, 0.8);
    const together = seen[0].trust.map((_, g) => Math.max(...seen.map(({ trust }) => trust[g])));
    yield 0.81;
    const spread = SpreadColors(table, atlas, given, solved, together, settings, steps);
    if (!input.closeUp) {
        solved = spread; // nobody reads them any more
    }
    yield 0.82;
    // What is believed takes up what spreading took away beside it.
    const believed = together.map((value, g) => value ** 2 * isFree[g] * (1 - atlas.folded[table.texel[g]]));
    const last = yield* Within(
        SolveColors(seen, spread, believed, settings.lastRounds, settings),
        0.82,
        input.closeUp ? 0.88 : 0.99,
    );
    seen.forEach(({ weights }) => weights.dispose()); // what follows is on maps, and on its own views
    const shades = yield* Within(Shades(input, atlas, seen, solved), 0.88, 0.99);
    const shown = [0, 1, 2].map((channel) => atlas.toMap(last, 3, channel));
    DimHighlights(atlas, shown, settings);
    return {
        detail: Detail(table, atlas, given, shown),
        faceTrust: MeanOver(face, together),
        ...(shades ? { closeUp: shades } : {}),
    };
}

/** [n,3] 0..1 what becomes of solved colors by trust. A function of its own: its maps are many. */
function SpreadColors(
    table: IRefineTable,
    atlas: Atlas,
    given: Float32Array,
    solved: Float32Array,
    together: Plane,
    settings: IRefineConstants,
    { onSpread }: IRefineSteps,
): Float32Array {
    const trust = atlas.toMap(together);
    onSpread?.(trust);
    const [before, after] = [given, solved].map((colors) =>
        [0, 1, 2].map((channel) => atlas.toMap(colors, 3, channel)),
    );
    const change = after.map((map, channel) => map.map((value, i) => value - before[channel][i]));
    const kept = Spread(atlas, { given: before, change, trust }, settings);
    return given.map((_, i) => {
        const [channel, texel] = [i % 3, table.texel[(i / 3) | 0]];
        return Math.min(1, Math.max(0, Math.fround(kept[channel][texel] + before[channel][texel])));
    });
}

/** The detail for close-ups, of the photos that are large enough for it; undefined where none is. */
function* Shades(
    input: IRefineInput,
    atlas: Atlas,
    seen: readonly SeenView[],
    solved: Float32Array,
): Work<IRefineResult["closeUp"]> {
    const { table, staticMap, views, settings, closeUp } = input;
    const photos: ICloseUpPhoto[] = [];
    seen.forEach(({ trust, gain, change }, index) => {
        if (IsForCloseUp(input, index)) {
            photos.push({ trust, gain, change, view: views[index] });
        }
    });
    return closeUp && photos.length > 0
        ? yield* SolveCloseUp(table, atlas, staticMap, solved, photos, closeUp, settings)
        : undefined;
}

/** Whether a photo is large enough to show more than colors do. */
function IsForCloseUp({ views, closeUp }: IRefineInput, index: number): boolean {
    return closeUp !== undefined && views[index] !== undefined && views[index].size >= closeUp.leastPx;
}

/**
 * Fills `seen`. All photos are projected before the first is weighed, so that the largest of what is given, the maps,
 * is let go before w takes its place. A function of its own: nothing of it outlives it but what is seen.
 */
function* SeeViews(
    input: IRefineInput,
    atlas: Atlas,
    seen: SeenView[],
    weigh: Weigher,
    takesInput: boolean,
    { onSeen }: IRefineSteps,
): Work<void> {
    const { table, settings } = input;
    const count = input.views.length;
    const shown = new Float32Array(3 * table.gaussianCount);
    const projected = yield* Within(ProjectViews(input, takesInput), 0, 0.15);
    for (let index = 0; index < count; index++) {
        const [from, middle, to] = [0, 0.75, 1].map((done) => 0.15 + (0.85 * (index + done)) / count);
        const { view, change, ellipses } = projected[index];
        delete projected[index];
        const weighed = yield* Within(WeighView(ellipses, change, view.size, weigh), from, middle);
        seen.push(yield* Within(SeenView.Make(table, atlas, weighed, view, settings, shown), middle, to));
        onSeen?.(seen[index], index);
    }
}

/** A photo at the size for its colors, and the avatar under its camera. */
interface IProjectedView {
    readonly view: IRefineView;
    readonly ellipses: IEllipses;
    /** [n,3] what the driver adds to the colors. */
    readonly change: Float32Array;
}

/** Reads the maps, and lets go what nobody reads afterwards. */
function* ProjectViews(input: IRefineInput, takesInput: boolean): Work<IProjectedView[]> {
    const { table, closeUp } = input;
    const views = input.views as IRefineView[];
    const count = views.length;
    const isNeeded = views.map((_, index) => !takesInput || IsForCloseUp(input, index));
    const projected: IProjectedView[] = [];
    for (let index = 0; index < count; index++) {
        const [from, to] = [index / count, (index + 1) / count];
        const view = closeUp ? yield* Within(ShrinkView(views[index], closeUp.colorPx), from, from) : views[index];
        const change = DriverColors(table, view.deltaMap);
        const ellipses = yield* Within(ProjectView(table, input.staticMap, view), from, to);
        projected.push({ view: { ...view, deltaMap: null }, change, ellipses });
        if (!isNeeded[index]) {
            delete views[index];
        }
    }
    if (!isNeeded.includes(true)) {
        delete (input as Partial<Taken<IRefineInput>>).staticMap;
        delete (input as Partial<Taken<IRefineInput>>).closeUp;
        delete (table as Partial<Taken<IRefineTable>>).weights;
    }
    return projected;
}

/** [n,3] */
function StaticColors({ mapSize, texel, gaussianCount }: IRefineTable, staticMap: Float32Array): Float32Array {
    return new Float32Array(3 * gaussianCount).map(
        (_, i) => staticMap[(4 + (i % 3)) * mapSize ** 2 + texel[(i / 3) | 0]],
    );
}

/** [n] 0 where photo and avatar differ so much in the low band that something else is seen there. */
function* Likeness(
    table: IRefineTable,
    atlas: Atlas,
    view: SeenView,
    colors: Float32Array,
    { lowBox, unlike, oblique }: IRefineConstants,
): Work<Plane> {
    const apart = new Float32Array(colors.length);
    const { gain, seen, facing } = view;
    const difference = (drawn: number, coverage: number, photo: number, channel: number): number =>
        gain[channel] * photo - drawn / Math.max(coverage, 1e-3);
    yield* Within(view.compare(colors, difference, apart), 0, 0.7);
    apart.forEach((value, i) => (apart[i] = value / (seen[(i / 3) | 0] + 1e-3)));
    yield 0.7;
    const known = atlas.toMap(seen).map((value, i) => Math.min(1, value) * atlas.outer[i]);
    const { means } = atlas.mean(
        [0, 1, 2].map((channel) => atlas.toMap(apart, 3, channel)),
        known,
        lowBox,
    );
    return Float32Array.from(table.texel, (texel, g) => {
        const far = Math.max(...means.map((mean) => Math.abs(mean[texel]))) / (oblique + (1 - oblique) * facing![g]);
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
function Detail(
    table: IRefineTable,
    atlas: Atlas,
    given: Float32Array,
    colors: readonly Plane[],
): Float32Array<ArrayBuffer> {
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
