/**
 * Detail for close-ups: shades over the atlas that every Gaussian adds to its color at the fragment's own place. Mip
 * levels fade to nothing, as shades have no mean over a Gaussian. This file holds what solver, file, GPU and their
 * references agree on.
 */

/** A person's detail. */
export interface ICloseUp {
    /** E, texels per side. */
    readonly edge: number;
    /** [E,E] in steps of {@link ShadeReach} / 127, added to red, green and blue alike. */
    readonly shades: Int8Array<ArrayBuffer>;
}

/** Largest shade, either way: of colors 0..1. */
export const ShadeReach = 0.25;
/** Steps either way. */
export const ShadeSteps = 127;
/** Mip levels, the atlas itself included: the last has half a Gaussian of a map a quarter as large. */
export const CloseUpLevels = 4;
/** Texels of the atlas per texel of the maps. */
export const CloseUpScale = 4;
/**
 * Fragments of a splat that are fainter than this go without a shade: more than a third of them, with 3 % of an opaque
 * splat's weight. Reading the atlas is most of what a shade costs on a software adapter.
 */
export const LeastShadedAlpha = 1 / 32;
/** How much longer than wide a texel of the atlas may be on the screen: full detail, no detail. */
export const EdgeOnLeast = 3;
export const EdgeOnMost = 4;

/** What a Gaussian reads: one view's matrices between atlas and screen. */
export interface IFootprint {
    /** 2×2 row-major, d place / d pixel. */
    readonly placeFromPx: readonly [number, number, number, number];
    /** Mip level at which a texel is no wider than a pixel, 0 to {@link CloseUpLevels} − 1. */
    readonly level: number;
    /** 0 for a surface that is seen edge-on, to 1. */
    readonly strength: number;
}

/**
 * From the screen's movement with the atlas to what a Gaussian reads.
 * @param a d px / d x; and so on, row-major
 * @param edge texels per side of the atlas
 */
export function FootprintOf(a: number, b: number, c: number, d: number, edge: number): IFootprint {
    const determinant = a * d - b * c;
    // Singular values of a 2×2 matrix by its sum and difference parts.
    const sum = Math.hypot(a + d, b - c);
    const difference = Math.hypot(a - d, b + c);
    const [longest, shortest] = [(sum + difference) / 2, Math.abs(sum - difference) / 2];
    const strength = Math.min(
        1,
        Math.max(0, (EdgeOnMost * shortest - longest) / ((EdgeOnMost - EdgeOnLeast) * shortest)),
    );
    if (!(strength > 0)) {
        return { placeFromPx: [0, 0, 0, 0], level: 0, strength: 0 };
    }
    return {
        placeFromPx: [d / determinant, -b / determinant, -c / determinant, a / determinant],
        level: Math.min(CloseUpLevels - 1, Math.max(0, Math.log2(edge / shortest))),
        strength,
    };
}

/** Texels per side of a mip level, as WebGPU counts. */
export function LevelEdge(edge: number, level: number): number {
    return Math.max(1, edge >> level);
}

/** All mip levels: each the means of 2×2 of the one before, rounded to steps. */
export function MipLevels({ edge, shades }: ICloseUp): Int8Array<ArrayBuffer>[] {
    const levels = [shades];
    for (let level = 1; level < CloseUpLevels; level++) {
        const from = levels[level - 1];
        const [wide, size] = [LevelEdge(edge, level - 1), LevelEdge(edge, level)];
        const into = new Int8Array(size * size);
        for (let row = 0; row < size; row++) {
            for (let column = 0; column < size; column++) {
                const at = 2 * row * wide + 2 * column;
                into[row * size + column] = Math.round(
                    (from[at] + from[at + 1] + from[at + wide] + from[at + wide + 1]) / 4,
                );
            }
        }
        levels.push(into);
    }
    return levels;
}
