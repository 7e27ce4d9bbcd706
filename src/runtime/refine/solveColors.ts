/**
 * Colors by back-projection: geometry is held, so a picture is linear in the colors, and the diagonal alone is a
 * preconditioner with which a few rounds are enough; there is no learning rate. Each photo has its own tone, and photos
 * share Gaussians by trust. Twin: training/refine/colors.py.
 */
import type { IRefineConstants } from "./refineInput.js";
import type { SeenView } from "./seenView.js";
import { Within, type Work } from "../slices.js";

/** Added to both colors before their ratio. */
const ToneFloor = 0.02;
/** A photo with fewer believed Gaussians of the face keeps its tone. */
const ToneCount = 64;

/**
 * Finds the factor by which each photo is multiplied: median over the face of avatar over photo, its geometric mean
 * over the photos set to 1.
 * @param colors [n,3]
 * @param face [n] 1 for Gaussians of the face
 * @param gainLimit largest factor, either way
 */
export function* FindTones(
    views: readonly SeenView[],
    colors: Float32Array,
    face: Float32Array,
    gainLimit: number,
): Work<void> {
    if (views.length < 2) {
        return; // one photo sets the tone
    }
    const logs: number[][] = [];
    for (const [index, view] of views.entries()) {
        const [avatar, photo] = [new Float32Array(colors.length), new Float32Array(colors.length)];
        yield* Within(
            view.compare(colors, (drawn) => drawn, avatar),
            index / views.length,
            (index + 0.5) / views.length,
        );
        yield* Within(
            view.compare(colors, (_drawn, _coverage, seen) => seen, photo),
            (index + 0.5) / views.length,
            (index + 1) / views.length,
        );
        const chosen = Array.from(face.keys()).filter((g) => face[g] === 1 && view.trust[g] > 0.5);
        logs.push(
            [0, 1, 2].map((channel) => {
                const ratios = Float64Array.from(chosen, (g) => {
                    const at = 3 * g + channel;
                    const over = view.seen[g] + 1e-3;
                    return Math.log((avatar[at] / over + ToneFloor) / (photo[at] / over + ToneFloor));
                }).sort();
                return ratios.length < ToneCount ? 0 : ratios[Math.floor(ratios.length / 2)];
            }),
        );
    }
    views.forEach((view, index) => {
        view.gain = logs[index].map((log, channel) => {
            const mean = logs.reduce((sum, other) => sum + other[channel], 0) / logs.length;
            return Math.min(gainLimit, Math.max(1 / gainLimit, Math.exp(log - mean)));
        });
    });
}

/**
 * Solves.
 * @param given [n,3] colors to begin with; not changed
 * @param free [n] part of a step that a color may take, 0 where it must stay, to 1
 * @param rounds times that what is missing is sent back
 * @param onRound told the colors after each round
 * @returns [n,3] 0..1
 */
export function* SolveColors(
    views: readonly SeenView[],
    given: Float32Array,
    free: Float32Array,
    rounds: number,
    { damping, leastWeight, sharpness }: IRefineConstants,
    onRound?: (colors: Float32Array) => void,
): Work<Float32Array> {
    const colors = given.slice();
    const count = free.length;
    // Found anew in each round: a list for each photo would take a megabyte for four.
    const shareOf = ({ trust }: SeenView, g: number): number =>
        Math.fround(leastWeight + (1 - leastWeight) * trust[g] ** sharpness);
    const below = new Float32Array(count);
    views.forEach((view) => view.seen.forEach((seen, g) => (below[g] += shareOf(view, g) * (seen + damping))));
    const above = new Float32Array(3 * count);
    const sums = new Float32Array(3 * count);
    const passes = rounds * views.length;
    for (let round = 0; round < rounds; round++) {
        above.fill(0);
        for (const [v, view] of views.entries()) {
            const { gain } = view;
            // The background of the photo stands behind the avatar.
            const missing = (drawn: number, coverage: number, photo: number, channel: number): number =>
                coverage * gain[channel] * photo - drawn;
            const done = round * views.length + v;
            yield* Within(view.compare(colors, missing, sums.fill(0)), done / passes, (done + 1) / passes);
            for (let g = 0; g < count; g++) {
                const share = shareOf(view, g);
                for (let i = 3 * g; i < 3 * g + 3; i++) {
                    above[i] += share * sums[i];
                }
            }
        }
        for (let i = 0; i < colors.length; i++) {
            const g = (i / 3) | 0;
            if (free[g] > 0) {
                colors[i] = Math.min(1, Math.max(0, colors[i] + (free[g] * above[i]) / below[g]));
            }
        }
        onRound?.(colors);
    }
    return colors;
}
